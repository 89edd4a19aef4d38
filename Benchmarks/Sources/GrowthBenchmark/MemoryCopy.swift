// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Seconds that a body takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
  try ContinuousClock().measure(body) / .seconds(1)
}

/// How fast this machine copies memory with all cores: what growth is held against.
struct MemoryCopy {
  /// Seconds into memory just allocated, as the system gives it.
  var fresh = 0.0
  /// Seconds into memory just allocated, with large pages asked for.
  var freshLargePages = 0.0
  /// Seconds into memory that was written before.
  var warm = 0.0

  /// Copies so many bytes from a warm source.
  init(byteCount: Int, from source: UnsafeMutableRawBufferPointer, threads: Int) {
    var target = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    fresh = seconds {
      target = .allocate(byteCount: byteCount, alignment: 64)
      Self.copy(source, to: target, threads)
    }
    warm = seconds { Self.copy(source, to: target, threads) }
    target.deallocate()
    freshLargePages = seconds {
      target = .allocate(byteCount: byteCount, alignment: 1 << 21)
      #if os(Linux)
        madvise(target.baseAddress, byteCount, Int32(MADV_HUGEPAGE))
      #endif
      Self.copy(source, to: target, threads)
    }
    target.deallocate()
  }

  /// One `memcpy` for each thread; a source that is shorter is read again from its start.
  private static func copy(
    _ source: UnsafeMutableRawBufferPointer, to target: UnsafeMutableRawBufferPointer,
    _ threads: Int
  ) {
    nonisolated(unsafe) let (source, target) = (source, target)
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      var at = thread * target.count / threads
      let end = (thread + 1) * target.count / threads
      while at < end {
        let from = at % source.count
        let count = min(end - at, source.count - from)
        UnsafeMutableRawBufferPointer(rebasing: target[at..<at + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + count]))
        at += count
      }
    }
  }
}
