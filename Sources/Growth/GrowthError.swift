// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a growth: sizes that no operator reaches, a source that does not fit.
///
/// Its subject is the operator, field or tensor concerned.
public typealias GrowthError = ModuleError<GrowthErrorCode>

/// The kinds of ``GrowthError``.
public enum GrowthErrorCode: String, Sendable {
  case unreachable, deadParameters, invalidOptions, mismatch, unsupported, unreadableReceipt
  case unreadableSource, unwritableTarget
  /// Numbers that are infinite or none, in the small model or in what would be made of it.
  case notFinite
}
