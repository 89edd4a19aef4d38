// SPDX-License-Identifier: Apache-2.0
import CKernels

/// An instruction-set level of the kernels.
struct KernelLevel: CustomStringConvertible {
  let level: Int32

  /// Every level that this machine has, the portable one first.
  static let available = (CK_LEVEL_PORTABLE...ck_last_level()).map(KernelLevel.init(level:))

  /// Runs `body` with this level's kernels on the calling thread.
  func use<Result>(_ body: () throws -> Result) rethrows -> Result {
    ck_set_thread_level(level)
    defer { ck_set_thread_level(-1) }
    return try body()
  }

  var description: String {
    switch level {
    case CK_LEVEL_PORTABLE: "portable"
    case CK_LEVEL_AVX2: "AVX2"
    case CK_LEVEL_AVX512: "AVX-512"
    case CK_LEVEL_AVX512CAST: "AVX-512 with bfloat16 conversions"
    default: "AVX-512 bf16"
    }
  }
}
