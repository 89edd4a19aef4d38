// SPDX-License-Identifier: Apache-2.0
import Wording

/// What an interpreter was given that does not fit its program.
///
/// Its subject is the parameter or the part of the batch.
public typealias InterpretationError = ModuleError<InterpretationErrorCode>

/// The kinds of ``InterpretationError``.
public enum InterpretationErrorCode: String, Sendable {
  /// Parameters whose number, sizes or types are not the program's.
  case parameterMismatch
  /// Tokens outside the vocabulary, or sequences longer than the context.
  case invalidBatch
  /// Operations that read what nothing writes; no program that was built has any.
  case brokenProgram
}
