// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong while a model was opened, scored, or made to generate.
///
/// Its subject is the file, setting, example or position concerned.
public typealias EvaluationError = ModuleError<EvaluationErrorCode>

/// The kinds of ``EvaluationError``.
public enum EvaluationErrorCode: String, Sendable {
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
