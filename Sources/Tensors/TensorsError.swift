// SPDX-License-Identifier: Apache-2.0
import Wording

/// What went wrong with a tensor's shape, type or bytes.
///
/// Its subject is the file or tensor concerned.
public typealias TensorsError = ModuleError<TensorsErrorCode>

/// The kinds of ``TensorsError``.
public enum TensorsErrorCode: String, Sendable {
  case invalidShape, byteCountMismatch, unsupportedConversion, insufficientMemory
}
