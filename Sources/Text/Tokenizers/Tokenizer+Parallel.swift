// SPDX-License-Identifier: Apache-2.0
import Dispatch
import Foundation
import Synchronization

extension Tokenizer {
  /// The ids of many documents in UTF-8, encoded by several threads, in the order of the documents.
  ///
  /// `threadCount` nil takes a thread for each core. The ids do not depend on it.
  public func encode<Document: ContiguousBytes & Sendable>(
    documents: [Document], allowsSpecialTokens: Bool = false, threadCount: Int? = nil
  ) -> [[Int32]] {
    var results = [[Int32]](repeating: [], count: documents.count)
    results.withUnsafeMutableBufferPointer { buffer in
      // Each index is written by the one thread that took it.
      nonisolated(unsafe) let slots = buffer
      ParallelLoop.run(count: documents.count, threadCount: threadCount) { index, _ in
        slots[index] = documents[index].withUnsafeBytes {
          encode($0, allowsSpecialTokens: allowsSpecialTokens)
        }
      }
    }
    return results
  }
}

/// A loop whose iterations threads take one after another, as each gets free.
enum ParallelLoop {
  /// The number of threads to use: what is asked for, or one a core.
  static func threads(_ asked: Int?) -> Int {
    max(1, asked ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  /// Calls `body` with each index below `count` and the number of the thread that runs it.
  static func run(
    count: Int, threadCount: Int?, _ body: @Sendable (_ index: Int, _ thread: Int) -> Void
  ) {
    let threads = min(threads(threadCount), count)
    guard threads > 1 else {
      for index in 0..<count { body(index, 0) }
      return
    }
    let next = NextIndex()
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
      while let index = next.take(below: count) { body(index, thread) }
    }
  }

  private final class NextIndex: Sendable {
    private let value = Atomic<Int>(0)

    func take(below count: Int) -> Int? {
      let index = value.wrappingAdd(1, ordering: .relaxed).oldValue
      return index < count ? index : nil
    }
  }
}
