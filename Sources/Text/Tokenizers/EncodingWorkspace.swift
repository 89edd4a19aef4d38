// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What one thread needs while it encodes: the ids so far, room for a word's symbols, the cache.
final class EncodingWorkspace: @unchecked Sendable {
  private(set) var ids: UnsafeMutablePointer<Int32> = .allocate(capacity: 1024)
  private var idCapacity = 1024
  /// Number of ids so far.
  var count = 0

  /// Symbols of the word at hand, and for each pair with its right neighbour the rank and the id.
  private(set) var symbols: UnsafeMutablePointer<Int32> = .allocate(capacity: 256)
  private var symbolCapacity = 256
  let ranks: UnsafeMutablePointer<UInt32> = .allocate(capacity: shortWord)
  let merged: UnsafeMutablePointer<Int32> = .allocate(capacity: shortWord)
  let cache = WordCache()

  /// Words of up to so many symbols are merged by scanning, longer ones with a heap.
  static let shortWord = 64

  deinit {
    ids.deallocate()
    symbols.deallocate()
    ranks.deallocate()
    merged.deallocate()
  }

  /// Makes room for more ids.
  @inline(__always)
  func reserveIDs(_ more: Int) {
    if count + more > idCapacity { growIDs(more) }
  }

  @inline(never)
  private func growIDs(_ more: Int) {
    let capacity = max(idCapacity * 2, count + more)
    let larger = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
    larger.update(from: ids, count: count)
    ids.deallocate()
    ids = larger
    idCapacity = capacity
  }

  /// Appends an id.
  @inline(__always)
  func append(_ id: Int32) {
    reserveIDs(1)
    ids[count] = id
    count += 1
  }

  /// Makes room for the symbols of a word; those that were there are lost.
  @inline(__always)
  func reserveSymbols(_ wanted: Int) {
    guard wanted > symbolCapacity else { return }
    symbols.deallocate()
    symbolCapacity = wanted * 2
    symbols = .allocate(capacity: symbolCapacity)
  }

  /// The ids so far as an array; the workspace begins anew, and gives back room of rare size.
  func takeIDs() -> [Int32] {
    let result = Array(UnsafeBufferPointer(start: ids, count: count))
    count = 0
    if idCapacity > 1 << 22 {
      ids.deallocate()
      ids = .allocate(capacity: 1024)
      idCapacity = 1024
    }
    if symbolCapacity > 1 << 22 {
      symbols.deallocate()
      symbols = .allocate(capacity: 256)
      symbolCapacity = 256
    }
    return result
  }
}

/// Workspaces at rest; as many as there were threads at once.
final class EncodingWorkspacePool: Sendable {
  private let resting = Mutex<[EncodingWorkspace]>([])

  /// Calls `body` with a workspace that nobody else uses meanwhile.
  func withWorkspace<Result>(_ body: (EncodingWorkspace) -> Result) -> Result {
    let workspace = resting.withLock { $0.popLast() } ?? EncodingWorkspace()
    defer { resting.withLock { $0.append(workspace) } }
    return body(workspace)
  }
}
