// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Writes the lines of a log anew of which some are left out, so that each says which one it comes after.
///
/// Only the joints that the writer makes are sealed anew: a line that was changed, or that did not follow
/// the one before it already, stays as it is, and known for it.
struct LineChain {
  /// The checksum of the last line that was written.
  private(set) var last = LineChecksum.none
  /// The checksum of the last line that was read, as it was.
  private var read = LineChecksum.none

  /// Leaves a line out.
  mutating func drop(_ line: Data) { read = LineChecksum.digits(in: line) }

  /// Takes the next line over.
  ///
  /// - Parameter isJoint: whether what comes before the line is new by intention, whatever it was.
  /// - Returns: the line as it is to be written.
  mutating func keep(_ line: Data, isJoint: Bool = false) -> Data {
    let follows = isJoint || LineChecksum.link(in: line) == read
    read = LineChecksum.digits(in: line)
    let written =
      follows && last != LineChecksum.link(in: line)
      ? LineChecksum.relinked(line, after: last) ?? line : line
    last = LineChecksum.digits(in: written)
    return written
  }

  /// Adds a line that was not there.
  mutating func add(_ record: RunRecord) -> Data {
    let line = LineChecksum.sealed(record.jsonLine, after: last)
    last = LineChecksum.digits(in: line)
    return line
  }
}
