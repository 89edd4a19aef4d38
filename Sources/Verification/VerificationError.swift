// SPDX-License-Identifier: Apache-2.0
import Wording

/// What keeps a growth from being measured: models that cannot be compared, batches that do not fit.
///
/// Its subject is the model, tensor or batch concerned.
public typealias VerificationError = ModuleError<VerificationErrorCode>

/// The kinds of ``VerificationError``.
public enum VerificationErrorCode: String, Sendable {
  /// Models, plans or parameters that do not belong together.
  case mismatch
  /// No batch to measure on, or one that does not fit the models.
  case invalidBatch
}
