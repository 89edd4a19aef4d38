// SPDX-License-Identifier: Apache-2.0

/// What an interpreter was given that does not fit its program.
public struct InterpretationError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// Parameters whose number, sizes or types are not the program's.
    case parameterMismatch
    /// Tokens outside the vocabulary, or sequences longer than the context.
    case invalidBatch
    /// Operations that read what nothing writes; no program that was built has any.
    case brokenProgram
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The parameter or the part of the batch.
  public var subject: String

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  /// The subject and the message.
  public var description: String { "\(subject): \(message)" }
}
