// SPDX-License-Identifier: Apache-2.0
import Wording

/// An operation that a function cannot have; its subject is the operation.
public typealias StableHLOError = ModuleError<StableHLOErrorCode>

/// The kinds of ``StableHLOError``.
public enum StableHLOErrorCode: String, Sendable {
  /// Types that the operation does not take.
  case typeMismatch
  /// A result that is none of the function's.
  case foreignValue
}
