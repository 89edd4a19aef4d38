// SPDX-License-Identifier: Apache-2.0
import Crypto
import Synchronization

/// The SHA-256 of pieces that come in any order, from many threads.
///
/// Whoever brings the piece that is due hashes it and all that follow and are there; the others leave
/// theirs and go on.
final class OrderedHash: Sendable {
  /// Memory that is the hash's until it has been read.
  struct Piece: @unchecked Sendable {
    var bytes: UnsafeRawBufferPointer
    /// The memory that becomes free.
    var buffer: UnsafeMutableRawBufferPointer
  }

  private struct State {
    var next = 0
    var waiting: [Int: Piece] = [:]
    var isBusy = false
  }

  private let state = Mutex(State())
  /// Touched by whoever made `isBusy` true, and by nobody else.
  nonisolated(unsafe) private var hash = SHA256()

  /// Takes a piece.
  ///
  /// - Parameters:
  ///   - number: its place in the order, from 0.
  ///   - free: called with memory that has been read.
  /// - Returns: the number of pieces hashed so far, where this call hashed some; nil otherwise.
  func add(
    _ piece: Piece, number: Int, free: (UnsafeMutableRawBufferPointer) -> Void
  ) -> Int? {
    let isMine = state.withLock { state in
      state.waiting[number] = piece
      guard !state.isBusy, number == state.next else { return false }
      state.isBusy = true
      return true
    }
    guard isMine else { return nil }
    while true {
      let (due, count) = state.withLock { state -> (Piece?, Int) in
        guard let piece = state.waiting.removeValue(forKey: state.next) else {
          state.isBusy = false
          return (nil, state.next)
        }
        state.next += 1
        return (piece, state.next)
      }
      guard let due else { return count }
      hash.update(bufferPointer: due.bytes)
      free(due.buffer)
    }
  }

  /// The digest, once all pieces have been hashed.
  func finish(byteCount: Int) -> FileDigest { FileDigest(byteCount: byteCount, hash) }
}
