// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Threads that encode pieces at the same time and give the results back in the pieces' order.
///
/// Whoever waits for a result encodes, too, so that all comes to its end where the system gives no threads.
package final class ParallelEncoder: @unchecked Sendable {
  // Everything mutable is touched only with `condition` locked.
  private let condition = NSCondition()
  private let encoder: PieceEncoder
  private let maximumBytesInFlight: Int
  private var waiting: [(number: Int, piece: CorpusPiece)] = []
  private var finished: [Int: (byteCount: Int, result: Result<EncodedPiece, any Error>)] = [:]
  private var submittedCount = 0
  private var takenCount = 0
  private var bytesInFlight = 0
  private var isStopped = false

  /// Starts the threads; they end with ``stop()``.
  package init(_ encoder: PieceEncoder, threadCount: Int, maximumBytesInFlight: Int) {
    self.encoder = encoder
    self.maximumBytesInFlight = maximumBytesInFlight
    for _ in 0..<threadCount {
      guard WorkerThread.start(stackByteCount: 8 << 20, { [self] in work() }) else { break }
    }
  }

  /// Whether so much is under way that the caller should take a result first.
  package var isFull: Bool {
    condition.withLock { bytesInFlight >= maximumBytesInFlight }
  }

  /// Hands over the next piece.
  package func submit(_ piece: CorpusPiece) {
    condition.withLock {
      waiting.append((submittedCount, piece))
      submittedCount += 1
      bytesInFlight += piece.bytes.count
      condition.broadcast()
    }
  }

  /// The result of the first piece not yet taken, when it is there; nil where all are taken.
  package func take() throws -> EncodedPiece? {
    condition.lock()
    defer { condition.unlock() }
    guard takenCount < submittedCount else { return nil }
    while true {
      if let (byteCount, result) = finished.removeValue(forKey: takenCount) {
        takenCount += 1
        bytesInFlight -= byteCount
        return try result.get()
      }
      guard !waiting.isEmpty else {
        condition.wait()
        continue
      }
      let (number, piece) = waiting.removeFirst()
      condition.unlock()
      let result = Result { try encoder.encode(piece) }
      condition.lock()
      finished[number] = (piece.bytes.count, result)
    }
  }

  /// Lets the threads end once each has finished the piece in hand.
  package func stop() {
    condition.withLock {
      isStopped = true
      waiting = []
      condition.broadcast()
    }
  }

  private func work() {
    while let (number, piece) = nextPiece() {
      let result = Result { try encoder.encode(piece) }
      condition.withLock {
        finished[number] = (piece.bytes.count, result)
        condition.broadcast()
      }
    }
  }

  private func nextPiece() -> (number: Int, piece: CorpusPiece)? {
    condition.lock()
    defer { condition.unlock() }
    while waiting.isEmpty && !isStopped { condition.wait() }
    return waiting.isEmpty ? nil : waiting.removeFirst()
  }
}
