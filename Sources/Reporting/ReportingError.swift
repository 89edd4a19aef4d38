// SPDX-License-Identifier: Apache-2.0

/// Why runs cannot be compared or reported.
public struct ReportingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// There is nothing to draw or compare: no run, or no validation in a run.
    case nothingToCompare
    /// The runs differ in more than how they were trained; see ``Incomparability``.
    case incomparable
    /// A setting is out of range.
    case invalidValue
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The run or the setting concerned.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// Subject and message on one line.
  public var description: String { "\(subject): \(message)" }
}
