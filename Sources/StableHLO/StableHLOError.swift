// SPDX-License-Identifier: Apache-2.0

/// An operation that a function cannot have.
public struct StableHLOError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// Types that the operation does not take.
    case typeMismatch
    /// A result that is none of the function's.
    case foreignValue
  }
  /// The kind of failure.
  public var code: Code
  /// What was given and what was expected.
  public var message: String
  /// The operation.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// The operation and the message.
  public var description: String { "\(subject): \(message)" }
}
