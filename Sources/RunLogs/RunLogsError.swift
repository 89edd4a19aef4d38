// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a run's log.
public struct RunLogsError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    case fileUnavailable, damagedLine
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The file, with the line where there is one.
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
