// SPDX-License-Identifier: Apache-2.0
import Dispatch

/// Distinct words and how often each was seen.
struct WordCounts {
  private(set) var words = ByteStringTable(minimumCapacity: 1024)
  private(set) var counts: [Int] = []

  /// Counts a word.
  @inline(__always)
  mutating func add(_ word: UnsafeRawBufferPointer, count: Int = 1) {
    let (index, isNew) = words.insert(word)
    if isNew { counts.append(count) } else { counts[index] += count }
  }

  /// Counts all the words of another.
  mutating func merge(_ other: WordCounts) {
    other.words.arena.withUnsafeBytes { arena in
      for index in other.counts.indices {
        add(
          UnsafeRawBufferPointer(rebasing: arena[other.words.range(index)]),
          count: other.counts[index])
      }
    }
  }

  /// Counts the words of a text in valid UTF-8.
  mutating func add(text: UnsafeBufferPointer<UInt8>, pattern: WordPattern) {
    guard let base = text.baseAddress else { return }
    let scanner = WordScanner(bytes: base, end: text.count)
    var start = 0
    while start < text.count {
      let end = scanner.wordEnd(pattern, from: start)
      add(UnsafeRawBufferPointer(start: base + start, count: end - start))
      start = end
    }
  }
}

/// Counts words with several threads: text gathers in a batch, each thread takes pieces of it and
/// keeps counts of its own, which are joined at the end.
struct ParallelWordCounter {
  private let pattern: WordPattern
  private let threadCount: Int
  private var partial: [WordCountsBox]
  private var batch: [UInt8] = []
  /// Where each piece of the batch ends.
  private var ends: [Int] = []
  /// Bytes of text so far.
  private(set) var byteCount = 0

  private static let pieceSize = 1 << 16
  private static let batchSize = 1 << 22

  /// Counts of one thread, which nobody else touches meanwhile.
  private final class WordCountsBox: @unchecked Sendable {
    var counts = WordCounts()
  }

  init(pattern: WordPattern, threadCount: Int?) {
    self.pattern = pattern
    self.threadCount = ParallelLoop.threads(threadCount)
    partial = (0..<self.threadCount).map { _ in WordCountsBox() }
  }

  /// Reads a document.
  mutating func add(_ document: UnsafeRawBufferPointer) {
    byteCount += document.count
    let bytes = document.bindMemory(to: UInt8.self)
    var start = 0
    while start < bytes.count {
      let end = TextCut.end(bytes, from: start, size: Self.pieceSize)
      batch.append(contentsOf: bytes[start..<end])
      ends.append(batch.count)
      start = end
      if batch.count >= Self.batchSize * threadCount { countBatch() }
    }
  }

  private mutating func countBatch() {
    let (partial, ends, pattern) = (partial, ends, pattern)
    batch.withUnsafeBufferPointer { buffer in
      nonisolated(unsafe) let bytes = buffer
      ParallelLoop.run(count: ends.count, threadCount: threadCount) { index, thread in
        let start = index == 0 ? 0 : ends[index - 1]
        UTF8Text.withValid(UnsafeBufferPointer(rebasing: bytes[start..<ends[index]])) {
          partial[thread].counts.add(text: $0, pattern: pattern)
        }
      }
    }
    batch.removeAll(keepingCapacity: true)
    self.ends.removeAll(keepingCapacity: true)
  }

  /// All the counts so far.
  mutating func finish() -> WordCounts {
    countBatch()
    let first = partial[0]
    for other in partial.dropFirst() {
      first.counts.merge(other.counts)
      other.counts = WordCounts()
    }
    return first.counts
  }
}
