// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Wording

/// Writes the tokens of one split into shards of a settable size.
package final class SplitWriter {
  private let directory: URL
  private let name: String
  private let tokenType: TokenType
  private let endOfText: Int32
  private let bytesPerShard: Int
  private var current: ShardFile?
  private var shards: [CorpusManifest.Shard] = []
  package private(set) var tokenCount = 0

  package init(
    directory: URL, name: String, tokenType: TokenType, endOfText: Int32, tokensPerShard: Int
  ) {
    self.directory = directory
    self.name = name
    self.tokenType = tokenType
    self.endOfText = endOfText
    bytesPerShard = tokensPerShard * tokenType.byteWidth
  }

  /// Writes whole tokens, beginning shards as they are needed.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    tokenCount += bytes.count / tokenType.byteWidth
    var rest = bytes[...]
    while !rest.isEmpty {
      let file = try current ?? begin()
      current = file
      let part = rest.prefix(bytesPerShard - file.byteCount)
      try file.append(UnsafeRawBufferPointer(rebasing: part))
      rest = rest.dropFirst(part.count)
      if file.byteCount == bytesPerShard { try end() }
    }
  }

  /// Ends the last shard and describes them all.
  package func finish() throws -> CorpusManifest.Split {
    try end()
    let endedCount = shards.reduce(0) { $0 + $1.documentCount }
    let hasOpenEnd = try lastToken().map { $0 != endOfText } ?? false
    return CorpusManifest.Split(
      shards: shards, tokenCount: tokenCount, documentCount: endedCount + (hasOpenEnd ? 1 : 0))
  }

  /// Moves the last `count` tokens, at most all, to the end of another writer.
  package func moveTail(_ count: Int, to other: SplitWriter) throws {
    try end()
    var first = shards.count
    var missing = count
    while missing > 0 && first > 0 {
      first -= 1
      missing -= shards[first].tokenCount
    }
    guard first < shards.count else { return }
    // The tail begins in the shard `first`, after `-missing` tokens that stay.
    let moved = Array(shards[first...])
    shards.removeSubrange(first...)
    tokenCount -= moved.reduce(0) { $0 + $1.tokenCount }
    for (index, shard) in moved.enumerated() {
      try moveTail(of: shard, keeping: index == 0 ? -missing : 0, to: other)
    }
    try end()
  }

  private func moveTail(
    of shard: CorpusManifest.Shard, keeping keptCount: Int, to other: SplitWriter
  ) throws {
    let aside = directory.appendingPathComponent("moving-" + shard.file)
    try rename(directory.appendingPathComponent(shard.file), to: aside)
    let keptBytes = keptCount * tokenType.byteWidth
    let byteCount = shard.tokenCount * tokenType.byteWidth
    try copy(aside, 0..<keptBytes) { try append($0) }
    try copy(aside, keptBytes..<byteCount) { try other.append($0) }
    unlink(aside.path)
  }

  private func rename(_ file: URL, to other: URL) throws {
    guard Foundation.rename(file.path, other.path) == 0 else {
      throw TextError(
        .invalidShard, "cannot be renamed: \(systemReason(errno))", subject: file.path)
    }
  }

  /// Reads a part of a file that this preparation has written.
  private func copy(
    _ url: URL, _ range: Range<Int>, to body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    do {
      let file = try RandomAccessFile(url)
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
      defer { buffer.deallocate() }
      for offset in stride(from: range.lowerBound, to: range.upperBound, by: buffer.count) {
        let count = min(buffer.count, range.upperBound - offset)
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try file.read(at: offset, into: part)
        try body(UnsafeRawBufferPointer(part))
      }
    } catch let error as CheckpointsError {
      throw TextError(.invalidShard, error)
    }
  }

  private func begin() throws -> ShardFile {
    let number = String(shards.count)
    let padding = String(repeating: "0", count: max(0, 5 - number.count))
    return try ShardFile(
      directory.appendingPathComponent("\(name)-\(padding)\(number).bin"), tokenType: tokenType,
      endOfText: endOfText)
  }

  private func end() throws {
    if let shard = try current?.finish() { shards.append(shard) }
    current = nil
  }

  private func lastToken() throws -> Int32? {
    guard let shard = shards.last else { return nil }
    let byteCount = shard.tokenCount * tokenType.byteWidth
    var token: Int32 = 0
    try copy(
      directory.appendingPathComponent(shard.file), byteCount - tokenType.byteWidth..<byteCount
    ) { last in
      withUnsafeMutablePointer(to: &token) {
        _ = tokenType.read(last, into: UnsafeMutableBufferPointer(start: $0, count: 1))
      }
    }
    return token
  }
}
