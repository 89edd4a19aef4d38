// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Synchronization

/// Makes and writes safetensors files on all cores, block by block, in bounded memory.
///
/// Workers make blocks of rows, write each to its place, and hash them in the order of the file;
/// where there are several files, several are in the making at once. What the files hold does not
/// depend on who makes which block.
package final class ShardPipeline: Sendable {
  /// Fills the bytes of a range of an entry's bytes, whole rows; used by one thread at a time.
  package typealias Maker = (
    _ entry: TensorEntry, _ range: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer
  ) throws -> Void

  /// How many work, and on how much.
  package struct Configuration: Sendable {
    /// Threads that make, write and hash blocks.
    package var workerCount: Int
    /// Files in the making at once.
    package var openFileCount: Int
    /// Buffers in all; each worker holds one, the others wait to be hashed.
    package var bufferCount: Int
    /// Bytes of a block, where a row is not longer.
    package var blockByteCount: Int

    /// Two threads for each core, since some wait for the disk, up to 16.
    package init() {
      let cores = min(ProcessInfo.processInfo.activeProcessorCount, 8)
      workerCount = 2 * cores
      openFileCount = min(cores, 4)
      bufferCount = 2 * workerCount
      blockByteCount = 2 << 20
    }

    /// So many threads.
    package init(workerCount: Int) {
      self.init()
      self.workerCount = max(1, workerCount)
      openFileCount = min(openFileCount, self.workerCount)
      bufferCount = 2 * self.workerCount
    }
  }

  private struct State {
    var waiting: [ShardLayout.Shard]
    var open: [(file: BlockFile, next: Int)] = []
    var turn = 0
    var error: (any Error)?
  }

  private let directory: ResumableDirectory
  private let configuration: Configuration
  private let bufferByteCount: Int
  private let state: Mutex<State>
  private let doneByteCount: Atomic<Int>

  /// Plans the files that are not finished yet.
  package init(
    _ layouts: [ShardLayout], in directory: ResumableDirectory,
    configuration: Configuration = Configuration()
  ) {
    self.directory = directory
    self.configuration = configuration
    let finished = directory.finished
    let shards = layouts.flatMap(\.shards)
    let waiting = shards.filter { finished[$0.name] == nil }
    state = Mutex(State(waiting: waiting))
    doneByteCount = Atomic(
      shards.reduce(0) { $0 + (finished[$1.name] == nil ? 0 : $1.header.fileByteCount) })
    bufferByteCount = Self.bufferByteCount(shards, configuration)
  }

  /// Memory of all buffers.
  package static func memoryByteCount(
    _ layouts: [ShardLayout], _ configuration: Configuration = Configuration()
  ) -> Int {
    configuration.bufferCount * bufferByteCount(layouts.flatMap(\.shards), configuration)
  }

  private static func bufferByteCount(
    _ shards: [ShardLayout.Shard], _ configuration: Configuration
  ) -> Int {
    let rows = shards.flatMap(\.header.entries).map(\.rowByteCount)
    // A block begins at its place within a page.
    return max(configuration.blockByteCount, rows.max() ?? 0) + DirectFile.pageByteCount
  }

  /// Makes all files.
  ///
  /// - Parameters:
  ///   - makeWorker: gives each thread its own maker.
  ///   - progress: called on this thread several times a second with the bytes that are done; what it
  ///     throws ends the work.
  /// - Throws: the first error of any thread, or what `progress` throws; finished files are in the
  ///   directory's journal all the same.
  package func run(
    makeWorker: @escaping @Sendable () throws -> Maker, progress: (Int) throws -> Void
  ) throws {
    let pool = BufferPool(count: configuration.bufferCount, byteCount: bufferByteCount)
    let group = DispatchGroup()
    var workerCount = 0
    for _ in 0..<configuration.workerCount {
      group.enter()
      let hasStarted = WorkerThread.start(stackByteCount: 2 << 20) { [self] in
        do { try work(try makeWorker(), pool) } catch { fail(error) }
        group.leave()
      }
      if hasStarted { workerCount += 1 } else { group.leave() }
    }
    // Where the system gives no thread, this one does the work.
    if workerCount == 0 {
      do { try work(try makeWorker(), pool) } catch { fail(error) }
    }
    repeat {
      do { try progress(doneByteCount.load(ordering: .relaxed)) } catch { fail(error) }
    } while group.wait(timeout: .now() + .milliseconds(50)) == .timedOut
    if let error = state.withLock({ $0.error }) { throw error }
    try progress(doneByteCount.load(ordering: .relaxed))
  }

  private func fail(_ error: any Error) {
    state.withLock { $0.error = $0.error ?? error }
  }

  private func work(_ make: Maker, _ pool: BufferPool) throws {
    while true {
      // The buffer first: whoever has the block that is due for the hash must be able to make it.
      let buffer = pool.take()
      do {
        guard let (file, block) = try takeBlock() else { return pool.give(buffer) }
        let bytes = file.room(for: block, in: buffer)
        try make(block.entry, block.range, bytes)
        try file.write(UnsafeRawBufferPointer(bytes), of: block)
        doneByteCount.add(block.range.count, ordering: .relaxed)
        let piece = OrderedHash.Piece(bytes: UnsafeRawBufferPointer(bytes), buffer: buffer)
        if file.add(piece, of: block, free: pool.give) { try finish(file) }
      } catch {
        // Told before the buffer is free: whoever waits for it must not begin another block.
        fail(error)
        return pool.give(buffer)
      }
    }
  }

  /// The next block, from the open files in turn; nil where there is none or something failed.
  private func takeBlock() throws -> (BlockFile, BlockFile.Block)? {
    try state.withLock { state in
      guard state.error == nil else { return nil }
      while state.open.count < configuration.openFileCount, !state.waiting.isEmpty {
        let shard = state.waiting.removeFirst()
        let file = try BlockFile(
          shard, in: directory.url, blockByteCount: configuration.blockByteCount)
        if file.blocks.isEmpty {
          try finish(file)
        } else {
          state.open.append((file, 0))
        }
      }
      guard !state.open.isEmpty else { return nil }
      let turn = state.turn % state.open.count
      let (file, next) = state.open[turn]
      if next + 1 == file.blocks.count {
        state.open.remove(at: turn)
        state.turn = turn
      } else {
        state.open[turn].next += 1
        state.turn = turn + 1
      }
      return (file, file.blocks[next])
    }
  }

  private func finish(_ file: BlockFile) throws {
    let digest = try file.finish()
    try directory.record(file.shard.name, digest)
    doneByteCount.add(file.shard.header.dataOffset, ordering: .relaxed)
  }
}
