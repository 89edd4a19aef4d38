// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

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
    let url = directory.appendingPathComponent(shard.file)
    let aside = directory.appendingPathComponent("moving-" + shard.file)
    try Self.writing(url) { try FileManager.default.moveItem(at: url, to: aside) }
    let file = try MappedFile(aside)
    let keptBytes = keptCount * tokenType.byteWidth
    try append(UnsafeRawBufferPointer(rebasing: file.bytes[..<keptBytes]))
    try other.append(UnsafeRawBufferPointer(rebasing: file.bytes[keptBytes...]))
    try Self.writing(aside) { try FileManager.default.removeItem(at: aside) }
  }

  private static func writing(_ url: URL, _ body: () throws -> Void) throws {
    do { try body() } catch {
      throw TextError(.invalidShard, "cannot be moved", subject: url.path, cause: error)
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
    let bytes = try MappedFile(directory.appendingPathComponent(shard.file))
    let last = bytes.bytes.suffix(tokenType.byteWidth)
    var token: Int32 = 0
    withUnsafeMutablePointer(to: &token) {
      _ = tokenType.read(
        UnsafeRawBufferPointer(rebasing: last),
        into: UnsafeMutableBufferPointer(start: $0, count: 1))
    }
    return token
  }
}
