// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A safetensors file whose blocks come in any order, from many threads, under a passing name until
/// it is whole.
final class BlockFile: Sendable {
  /// Some bytes of one tensor, whole rows of it.
  struct Block: Sendable {
    /// The block's number in the file; 0 is the header.
    var number: Int
    /// The tensor.
    var entry: TensorEntry
    /// Its bytes.
    var range: Range<Int>
  }

  let shard: ShardLayout.Shard
  let blocks: [Block]
  private let url: URL
  private let directory: URL
  private let file: DirectFile
  private let hash = OrderedHash()

  init(_ shard: ShardLayout.Shard, in directory: URL, blockByteCount: Int) throws {
    self.shard = shard
    self.directory = directory
    url = directory.appending(path: ".part-\(shard.name)")
    file = try DirectFile(
      creating: url, for: directory.appending(path: shard.name),
      byteCount: shard.header.fileByteCount)
    blocks = Self.blocks(of: shard.header, blockByteCount)
    try writeHeader()
  }

  /// Every tensor cut between rows into blocks of at most so many bytes, or of one row.
  static func blocks(of header: SafetensorsHeader, _ limit: Int) -> [Block] {
    var blocks: [Block] = []
    for entry in header.entriesInFileOrder where entry.byteCount > 0 {
      let row = entry.rowByteCount
      let length = max(1, limit / row) * row
      for start in stride(from: 0, to: entry.byteCount, by: length) {
        let end = min(entry.byteCount - start, length) + start
        blocks.append(Block(number: blocks.count + 1, entry: entry, range: start..<end))
      }
    }
    return blocks
  }

  private func writeHeader() throws {
    let json = shard.header.json
    let header = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 + json.count, alignment: 8)
    defer { header.deallocate() }
    header.storeBytes(of: UInt64(json.count).littleEndian, as: UInt64.self)
    UnsafeMutableRawBufferPointer(rebasing: header[8...]).copyBytes(from: json)
    let bytes = UnsafeRawBufferPointer(header)
    try file.write(bytes, at: 0)
    _ = hash.add(OrderedHash.Piece(bytes: bytes, buffer: header), number: 0) { _ in }
  }

  /// Writes a block to its place.
  func write(_ bytes: UnsafeRawBufferPointer, of block: Block) throws {
    try file.write(bytes, at: offset(of: block))
  }

  /// Memory of a buffer for a block that is written past the system's cache where it can be.
  func room(for block: Block, in buffer: UnsafeMutableRawBufferPointer)
    -> UnsafeMutableRawBufferPointer
  {
    let start = offset(of: block) % DirectFile.pageByteCount
    return UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + block.range.count])
  }

  private func offset(of block: Block) -> Int {
    shard.header.dataOffset + block.entry.dataOffsets.lowerBound + block.range.lowerBound
  }

  /// Hands a block to the hash.
  ///
  /// - Returns: whether all blocks have been hashed, so that the caller shall finish the file.
  func add(
    _ piece: OrderedHash.Piece, of block: Block, free: (UnsafeMutableRawBufferPointer) -> Void
  ) -> Bool {
    hash.add(piece, number: block.number, free: free) == blocks.count + 1
  }

  /// Syncs the file and gives it its name in the directory, which is synced when it is whole.
  func finish() throws -> FileDigest {
    try file.synchronize()
    try renameItem(url, to: directory.appending(path: shard.name))
    return hash.finish(byteCount: shard.header.fileByteCount)
  }
}
