// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// A fixed number of equal buffers that many threads take and give back; whoever finds none waits.
final class BufferPool: Sendable {
  private let free: Mutex<[SendableBuffer]>
  private let available: DispatchSemaphore
  private let all: [SendableBuffer]

  private struct SendableBuffer: @unchecked Sendable {
    var bytes: UnsafeMutableRawBufferPointer
  }

  /// Allocates the buffers.
  init(count: Int, byteCount: Int) {
    all = (0..<count).map { _ in
      SendableBuffer(bytes: .allocate(byteCount: byteCount, alignment: 4096))
    }
    free = Mutex(all)
    // Counted up from 0: a semaphore traps where it is released below the count that it was made with,
    // which is what work that failed leaves behind.
    available = DispatchSemaphore(value: 0)
    for _ in 0..<count { available.signal() }
  }

  /// Takes a buffer, as soon as there is one.
  func take() -> UnsafeMutableRawBufferPointer {
    available.wait()
    // The semaphore counts them, so there is one.
    return free.withLock { $0.popLast() }?.bytes
      ?? UnsafeMutableRawBufferPointer(
        start: nil, count: 0)
  }

  /// Gives a buffer back.
  func give(_ buffer: UnsafeMutableRawBufferPointer) {
    free.withLock { $0.append(SendableBuffer(bytes: buffer)) }
    available.signal()
  }

  deinit {
    for buffer in all { buffer.bytes.deallocate() }
  }
}
