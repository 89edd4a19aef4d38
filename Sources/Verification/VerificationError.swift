// SPDX-License-Identifier: Apache-2.0

/// What keeps a growth from being measured: models that cannot be compared, batches that do not fit.
public struct VerificationError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// Models, plans or parameters that do not belong together.
    case mismatch
    /// No batch to measure on, or one that does not fit the models.
    case invalidBatch
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The model, tensor or batch concerned.
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
    guard condition else { throw VerificationError(code, message(), subject: subject) }
  }
}
