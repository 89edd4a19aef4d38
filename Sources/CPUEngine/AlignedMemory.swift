// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Zeroed memory on page boundaries, in huge pages where the system has them: a step touches
/// hundreds of megabytes, and small pages would cost it a tenth of its time.
final class AlignedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let mapping: UnsafeMutableRawPointer
  private let mappedBytes: Int

  private static let hugePage = 2 << 20

  /// - Throws: ``CPUEngineError`` of code `outOfMemory` where the system refuses.
  init(byteCount: Int) throws {
    self.byteCount = byteCount
    let slack = byteCount >= Self.hugePage ? Self.hugePage : 0
    mappedBytes = max(byteCount, 1) + slack
    guard
      let address = mmap(
        nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | Self.anonymous, -1, 0),
      address != MAP_FAILED
    else {
      throw CPUEngineError(
        .outOfMemory,
        "the system refused \(byteCount >> 20) MiB; use a smaller batch or model",
        subject: "memory")
    }
    mapping = address
    guard slack > 0 else {
      base = address
      return
    }
    let misalignment = Int(bitPattern: address) % Self.hugePage
    base = misalignment == 0 ? address : address + (Self.hugePage - misalignment)
    #if os(Linux)
      _ = madvise(base, byteCount, Int32(MADV_HUGEPAGE))
    #endif
  }

  deinit { munmap(mapping, mappedBytes) }

  #if os(Linux)
    private static let anonymous = Int32(MAP_ANONYMOUS)
  #else
    private static let anonymous = MAP_ANON
  #endif
}
