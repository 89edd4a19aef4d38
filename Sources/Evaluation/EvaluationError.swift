// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong while a model was opened, scored, or made to generate.
public struct EvaluationError: Error, Sendable, CustomStringConvertible {
  /// The kind of failure.
  public enum Code: String, Sendable {
    /// A setting is outside of what the model or the method allows.
    case invalidConfiguration
    /// Text was given, but nothing that makes tokens of it.
    case missingTokenizer
    /// The model's vocabulary and the tokenizer's do not go together.
    case vocabularyMismatch
    /// There is too little text to score.
    case insufficientText
    /// More text was given than is read into memory.
    case tooMuchText
    /// An example has no last word, or no context before it.
    case invalidExample
    /// A file of token texts cannot be read.
    case invalidPieces
    /// The model gave numbers that are no logits.
    case nonFiniteLogits
  }
  /// The kind of failure.
  public var code: Code
  /// The offending value, what was expected, and the remedy.
  public var message: String
  /// The file, setting, example or position concerned.
  public var subject: String
  /// The error beneath this one, where there is one.
  public var cause: (any Error)?

  /// Makes an error.
  public init(_ code: Code, _ message: String, subject: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.subject = subject
    self.cause = cause
  }

  /// The subject, the message and, where there is one, the cause.
  public var description: String {
    let head = "\(subject): \(message)"
    return cause.map { "\(head): \(reason(of: $0))" } ?? head
  }
}
