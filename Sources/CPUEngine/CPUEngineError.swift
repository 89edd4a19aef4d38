// SPDX-License-Identifier: Apache-2.0
import Wording

/// What the CPU engine could not do.
///
/// Its subject is the parameter, batch or operation concerned.
public typealias CPUEngineError = ModuleError<CPUEngineErrorCode>

/// The kinds of ``CPUEngineError``.
public enum CPUEngineErrorCode: String, Sendable {
  case invalidParameters, invalidBatch, outOfMemory
}
