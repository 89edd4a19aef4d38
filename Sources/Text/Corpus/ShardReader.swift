// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Crypto
import Foundation
import Synchronization
import Wording

/// Reads the files of a split, and compares each with its checksum when it is first read.
///
/// Files are read by calls, not mapped: one that is cut short under a running job is then an error
/// and does not end the process. A file that changes in any way while it is in use is compared again.
///
/// Where a split is large its files are compared in the background, so that training need not wait
/// until all of them are read; ``verifyReads()`` then tells whether everything that was read so far
/// was sound.
final class ShardReader: Sendable {
  /// Splits of more bytes are compared in the background.
  static let backgroundByteCount = 1 << 30
  private static let openFileLimit = 64
  private static let remedy = "prepare the text again, or restore the file"

  private struct State {
    var open: [Int: RandomAccessFile] = [:]
    /// Files that were whole when they were as their marks say.
    var intact: [Int: RandomAccessFile.Mark] = [:]
    var pending: Set<Int> = []
    var fault: TextError?
  }

  private let shards: [CorpusManifest.Shard]
  private let urls: [URL]
  private let byteWidth: Int
  private let checksInBackground: Bool
  private let state = Mutex(State())
  private let queue = DispatchQueue(label: "espalier.shard-checksums", qos: .utility)

  /// Opens the files and checks their sizes.
  init(
    _ shards: [CorpusManifest.Shard], tokenType: TokenType, directory: URL,
    backgroundByteCount: Int = ShardReader.backgroundByteCount
  ) throws {
    self.shards = shards
    byteWidth = tokenType.byteWidth
    urls = shards.map { directory.appendingPathComponent($0.file) }
    let byteCount = shards.reduce(0) { $0 + $1.tokenCount * tokenType.byteWidth }
    checksInBackground = byteCount > backgroundByteCount
    for shard in shards.indices { _ = try mark(of: file(shard), shard) }
  }

  /// Fills a buffer with the bytes of a shard from `offset` on.
  func read(shard: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    let file = try file(shard)
    let mark = try mark(of: file, shard)
    if try !isKnown(shard, mark) {
      try checksInBackground ? checkLater(shard, file, mark) : check(shard, file, mark)
    }
    try Self.damaged { try file.read(at: offset, into: buffer) }
  }

  /// Waits until every file that was read is compared.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names the first that differs.
  func verifyReads() throws {
    queue.sync {}
    try state.withLock { if let fault = $0.fault { throw fault } }
  }

  /// Compares all files now where the first reads would wait for that, rather than compare them in the
  /// background.
  func verifyUnlessLarge() throws {
    if !checksInBackground { try verifyAll() }
  }

  /// Compares all files, whether they were read or not.
  func verifyAll() throws {
    for shard in shards.indices {
      let file = try file(shard)
      try check(shard, file, mark(of: file, shard))
    }
  }

  private func isKnown(_ shard: Int, _ mark: RandomAccessFile.Mark) throws -> Bool {
    try state.withLock { state in
      if let fault = state.fault { throw fault }
      return state.intact[shard] == mark
    }
  }

  private func checkLater(
    _ shard: Int, _ file: RandomAccessFile, _ mark: RandomAccessFile.Mark
  ) {
    guard state.withLock({ $0.pending.insert(shard).inserted }) else { return }
    queue.async { [self] in
      let result = Result { try check(shard, file, mark) }
      state.withLock { state in
        state.pending.remove(shard)
        guard case .failure(let error) = result, state.fault == nil else { return }
        state.fault =
          error as? TextError
          ?? TextError(.damagedShard, "cannot be checked: \(error)", subject: file.url.path)
      }
    }
  }

  private func check(
    _ shard: Int, _ file: RandomAccessFile, _ mark: RandomAccessFile.Mark
  ) throws {
    let checksum = try Self.damaged { try Self.checksum(of: file, byteCount: mark.byteCount) }
    let expected = shards[shard].sha256
    guard checksum == expected else {
      throw TextError(
        .damagedShard,
        "holds other tokens than those that were prepared: its SHA-256 is \(checksum), the manifest "
          + "says \(expected); \(Self.remedy)", subject: file.url.path)
    }
    state.withLock { $0.intact[shard] = mark }
  }

  private static func checksum(of file: RandomAccessFile, byteCount: Int) throws -> String {
    var hash = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    for offset in stride(from: 0, to: byteCount, by: buffer.count) {
      let count = min(buffer.count, byteCount - offset)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      try file.read(at: offset, into: part)
      hash.update(bufferPointer: UnsafeRawBufferPointer(part))
    }
    return hash.finalize().hexadecimal
  }

  /// The open file; some stay open, so that a read costs one call, but not more than the system lets
  /// a process have.
  private func file(_ shard: Int) throws -> RandomAccessFile {
    if let file = state.withLock({ $0.open[shard] }) { return file }
    let file = try Self.damaged { try RandomAccessFile(urls[shard]) }
    state.withLock { state in
      if state.open.count >= Self.openFileLimit { state.open = [:] }
      state.open[shard] = file
    }
    return file
  }

  private func mark(of file: RandomAccessFile, _ shard: Int) throws -> RandomAccessFile.Mark {
    let mark = try Self.damaged { try file.mark() }
    let expected = shards[shard].tokenCount * byteWidth
    guard mark.byteCount == expected else {
      throw TextError(
        .damagedShard,
        "has \(counted(mark.byteCount, "byte")), not \(expected) as the manifest says; \(Self.remedy)",
        subject: file.url.path)
    }
    return mark
  }

  private static func damaged<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as CheckpointsError {
      throw TextError(.damagedShard, "\(error.message); \(remedy)", subject: error.subject)
    }
  }
}
