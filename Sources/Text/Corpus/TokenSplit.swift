// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// The shards of one split, mapped into memory and read as one row of tokens.
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

  private let directory: URL
  private let tokenType: TokenType
  private let files: [MappedFile]
  /// Where each shard begins in the row.
  private let starts: [Int]

  /// Maps the shards and checks their sizes.
  init(
    name: String, manifest: CorpusManifest.Split, tokenType: TokenType, vocabularySize: Int,
    directory: URL
  ) throws {
    self.name = name
    self.manifest = manifest
    self.tokenType = tokenType
    self.vocabularySize = vocabularySize
    self.directory = directory
    var starts: [Int] = []
    var next = 0
    files = try manifest.shards.map { shard in
      starts.append(next)
      next += shard.tokenCount
      return try Self.map(shard, tokenType: tokenType, directory: directory)
    }
    self.starts = starts
  }

  /// Reads tokens, also across shards, and checks that the vocabulary has them.
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

  /// Compares every shard with its checksum.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` that names the first shard that differs.
  public func verify() throws {
    for (file, shard) in zip(files, manifest.shards) {
      let checksum = CorpusManifest.checksum(file.bytes)
      guard checksum == shard.sha256 else {
        throw TextError(
          .damagedShard,
          "has SHA-256 \(checksum), not \(shard.sha256) as the manifest says; prepare the text "
            + "again, or restore the file", subject: file.url.path)
      }
    }
  }

  private func read(
    shard: Int, at position: Int, into buffer: UnsafeMutableBufferPointer<Int32>
  ) throws {
    let width = tokenType.byteWidth
    let bytes = files[shard].bytes[position * width..<(position + buffer.count) * width]
    let largest = tokenType.read(UnsafeRawBufferPointer(rebasing: bytes), into: buffer)
    guard Int(largest) >= vocabularySize else { return }
    let index = buffer.firstIndex { UInt32(bitPattern: $0) >= UInt32(clamping: vocabularySize) }
    throw TextError(
      .damagedShard,
      "token \(UInt32(bitPattern: buffer[index ?? 0])) at position \(position + (index ?? 0)) is "
        + "outside the vocabulary of \(vocabularySize); prepare the text again, or restore the "
        + "file", subject: files[shard].url.path)
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

  private static func map(
    _ shard: CorpusManifest.Shard, tokenType: TokenType, directory: URL
  ) throws -> MappedFile {
    let url = directory.appendingPathComponent(shard.file)
    let file: MappedFile
    do {
      file = try MappedFile(url)
    } catch {
      throw TextError(
        .damagedShard, "cannot be read; prepare the text again, or restore the file",
        subject: url.path, cause: error)
    }
    let expected = shard.tokenCount * tokenType.byteWidth
    guard file.bytes.count == expected else {
      throw TextError(
        .damagedShard,
        "has \(file.bytes.count) bytes, not \(expected) as the manifest says; prepare the text "
          + "again, or restore the file", subject: url.path)
    }
    return file
  }
}
