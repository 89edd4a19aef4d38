// SPDX-License-Identifier: Apache-2.0
import CKernels

/// The threads that share a step: this one and the matrix library's.
///
/// Work is split by position, never by who is free, so that a given number of threads always adds
/// the same numbers in the same order.
package struct ThreadTeam: Sendable {
  /// The number of threads.
  package let count: Int

  package init(count: Int) {
    precondition(count > 0, "\(count) threads")
    // The matrix library leaves the work of threads undone that it asks for and does not get.
    self.count = max(1, min(count, Int(ck_thread_limit())))
  }

  /// Makes the matrix library use as many threads when called from this one.
  package func adopt() { ck_set_matrix_threads(Int32(count)) }

  /// Calls `body(thread, threads)` on every thread and waits for all.
  package func run(_ body: (_ thread: Int, _ threads: Int) -> Void) {
    guard count > 1 else { return body(0, 1) }
    withoutActuallyEscaping(body) { escaping in
      var body: Body = escaping
      withUnsafeMutablePointer(to: &body) { pointer in
        ck_parallel(
          Int32(count),
          { context, thread, threads in
            context?.assumingMemoryBound(to: Body.self).pointee(Int(thread), Int(threads))
          }, pointer)
      }
    }
  }

  /// Splits `0 ..< total` into one contiguous range per thread.
  package func split(_ total: Int, _ body: (_ range: Range<Int>, _ thread: Int) -> Void) {
    guard total > 1 else {
      if total == 1 { body(0..<1, 0) }
      return
    }
    run { thread, threads in
      let range = total * thread / threads..<total * (thread + 1) / threads
      if !range.isEmpty { body(range, thread) }
    }
  }

  private typealias Body = (Int, Int) -> Void
}
