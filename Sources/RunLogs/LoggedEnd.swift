// SPDX-License-Identifier: Apache-2.0

/// The last line of a log, as a session left it that came to its end.
///
/// Each line of a log says which line it was written after. Only of the last one no other line speaks, so
/// that a run keeps it elsewhere, to know that nothing was taken out there.
public struct LoggedEnd: Sendable, Hashable, Codable {
  /// Optimizer steps taken when the line was written.
  public var step: Int
  /// The line's checksum: eight hexadecimal digits.
  public var checksum: String
  /// Wall time of training when the line was written, which goes on from there.
  public var seconds: Double

  private enum CodingKeys: String, CodingKey {
    // The file that it stands in has a checksum of its own.
    case step, seconds, checksum = "lineChecksum"
  }

  /// Names a line.
  public init(step: Int, checksum: String, seconds: Double) {
    self.step = step
    self.checksum = checksum
    self.seconds = seconds
  }

  /// Whether the values are those of a line, since they come from a file.
  public var isPossible: Bool {
    seconds.isFinite && seconds >= 0 && RunRecord.counts.contains(step) && checksum.utf8.count == 8
      && checksum.utf8.allSatisfy(Set("0123456789abcdef".utf8).contains)
  }
}
