// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The shards of one split, read as one row of tokens.
public struct TokenSplit: TokenSource {
  /// The split's name: `train` or `validation`.
  public let name: String
  /// What the manifest says of it.
  public let manifest: CorpusManifest.Split
  /// Every token is below this.
  public let vocabularySize: Int
  /// Tokens in all shards.
  public var tokenCount: Int { manifest.tokenCount }
  /// The directory and the split.
  public var subject: String { "\(directory.path) (\(name))" }

  /// Tells the data that the split is of from all others: ``CorpusManifest/identity``.
  public let identity: String?

  private let directory: URL
  private let tokenType: TokenType
  private let reader: ShardReader
  /// Where each shard begins in the row.
  private let starts: [Int]

  /// Opens the shards and checks their sizes.
  init(
    name: String, of manifest: CorpusManifest, split: CorpusManifest.Split, identity: String,
    directory: URL, backgroundByteCount: Int
  ) throws {
    self.name = name
    self.manifest = split
    self.identity = identity
    self.directory = directory
    tokenType = manifest.tokenType
    vocabularySize = manifest.vocabularySize
    reader = try ShardReader(
      split.shards, tokenType: manifest.tokenType, directory: directory,
      backgroundByteCount: backgroundByteCount)
    var next = 0
    starts = split.shards.map { shard in
      defer { next += shard.tokenCount }
      return next
    }
  }

  /// Reads tokens, also across shards, and checks that the vocabulary has them.
  ///
  /// A file that is read for the first time, or has changed since, is compared with its checksum; in
  /// the background where the split has more than a gibibyte, see ``verifyReads()``.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names the file and the position.
  public func read(at offset: Int, into buffer: UnsafeMutableBufferPointer<Int32>) throws {
    precondition(
      offset >= 0 && buffer.count <= tokenCount - offset,
      "\(buffer.count) tokens at \(offset) of \(tokenCount)")
    var shard = shardIndex(of: offset)
    var done = 0
    while done < buffer.count {
      let within = offset + done - starts[shard]
      let count = min(buffer.count - done, manifest.shards[shard].tokenCount - within)
      let part = UnsafeMutableBufferPointer(rebasing: buffer[done..<done + count])
      try read(shard: shard, at: within, into: part)
      done += count
      shard += 1
    }
  }

  /// Waits until every file that was read is compared with its checksum.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names a file that differs.
  public func verifyReads() throws { try reader.verifyReads() }

  /// Compares every shard with its checksum where that takes no long time; those of a split of more than a
  /// gibibyte are compared in the background as they are read, see ``verifyReads()``.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names the first shard that differs.
  public func verifyUnlessLarge() throws { try reader.verifyUnlessLarge() }

  /// Compares every shard with its checksum.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names the first shard that differs.
  public func verify() throws { try reader.verifyAll() }

  private func read(
    shard: Int, at position: Int, into buffer: UnsafeMutableBufferPointer<Int32>
  ) throws {
    let width = tokenType.byteWidth
    let largest = try withUnsafeTemporaryAllocation(
      byteCount: buffer.count * width, alignment: 16
    ) { bytes in
      try reader.read(shard: shard, at: position * width, into: bytes)
      return tokenType.read(UnsafeRawBufferPointer(bytes), into: buffer)
    }
    guard Int(largest) >= vocabularySize else { return }
    let index = buffer.firstIndex { UInt32(bitPattern: $0) >= UInt32(clamping: vocabularySize) }
    throw TextError(
      .damagedShard,
      "token \(UInt32(bitPattern: buffer[index ?? 0])) at position \(position + (index ?? 0)) is "
        + "outside the vocabulary of \(vocabularySize); prepare the text again, or restore the "
        + "file", subject: directory.appendingPathComponent(manifest.shards[shard].file).path)
  }

  /// The last shard that begins at or before a token.
  private func shardIndex(of offset: Int) -> Int {
    var low = 0
    var high = starts.count
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= offset { low = middle + 1 } else { high = middle }
    }
    return max(low - 1, 0)
  }
}
