// SPDX-License-Identifier: Apache-2.0
import Wording

/// A failure of the system's matrix library.
///
/// Its subject is what was asked of the library.
public typealias LinearAlgebraError = ModuleError<LinearAlgebraErrorCode>

/// The kinds of ``LinearAlgebraError``.
public enum LinearAlgebraErrorCode: String, Sendable {
  /// The library reported that it failed.
  case libraryFailed
}
