// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Follows the seals of a log's lines: each line is as it was written, and after the one that it was
/// written after.
struct SealCheck {
  private let isSealed: Bool
  private var expectsChecksum: Bool
  private var expectsLink: Bool
  private var previous = LineChecksum.none

  /// - Parameter isSealed: whether every line was sealed when it was written; otherwise those after the
  ///   first that is.
  init(isSealed: Bool) {
    self.isSealed = isSealed
    (expectsChecksum, expectsLink) = (isSealed, isSealed)
  }

  /// Goes past a line without judging it.
  mutating func pass(_ line: Data) { previous = LineChecksum.digits(in: line) }

  /// What may be wrong with a line's seal.
  enum Problem {
    /// The line is not as it was written.
    case changed(String)
    /// It was written after another line than the one before it.
    case misplaced(String)
  }

  /// What is wrong with the seal of the next line; nil for nothing.
  mutating func problem(in line: Data) -> Problem? {
    defer { pass(line) }
    switch LineChecksum.finding(in: line) {
    case .wrong:
      return .changed("was changed or damaged since it was written: its checksum is not its text's")
    case .absent: return expectsChecksum ? .changed("has no checksum, \(comparison)") : nil
    case .intact: expectsChecksum = true
    }
    guard let link = LineChecksum.link(in: line) else {
      return expectsLink
        ? .changed("does not say which line it was written after, \(comparison)") : nil
    }
    expectsLink = true
    guard link != previous else { return nil }
    return .misplaced(
      previous == LineChecksum.none
        ? "was not the first: lines before it were taken out, or the order was changed"
        : "was not written after the line before it: lines between them were taken out, or the order was "
          + "changed")
  }

  private var comparison: String {
    isSealed ? "as every line of this log had" : "as the lines before it have"
  }
}
