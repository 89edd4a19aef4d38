// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a growth: sizes that no operator reaches, a source that does not fit.
public struct GrowthError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    case unreachable, deadParameters, invalidOptions, mismatch, unsupported, unreadableReceipt
    case unreadableSource, unwritableTarget
    /// Numbers that are infinite or none, in the small model or in what would be made of it.
    case notFinite
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The operator, field or tensor concerned.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// The subject and the message.
  public var description: String { "\(subject): \(message)" }

  static func check(
    _ condition: Bool, _ code: Code, _ subject: String, _ message: @autoclosure () -> String
  ) throws {
    guard condition else { throw GrowthError(code, message(), subject: subject) }
  }
}
