// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Writes a model into as many safetensors files as a greatest size asks for, with their index;
/// into a single file without an index where one is enough.
public final class ShardedWriter {
  /// The tensors in the order in which they must come: shard after shard.
  public let entries: [TensorEntry]
  private let directory: URL
  private let layout: ShardLayout
  private var writer: SafetensorsWriter?
  private var digests: [String: FileDigest] = [:]

  /// Plans the shards; see ``ShardLayout``.
  ///
  /// - Parameters:
  ///   - maximumShardByteCount: bytes of tensors in a shard; nil for a single file.
  public init(
    in directory: URL, baseName: String = "model", tensors: [TensorSpec],
    metadata: [String: String]? = nil, maximumShardByteCount: Int? = nil
  ) throws {
    self.directory = directory
    layout = try ShardLayout(
      baseName: baseName, tensors: tensors, metadata: metadata,
      maximumShardByteCount: maximumShardByteCount)
    entries = layout.shards.flatMap(\.header.entriesInFileOrder)
    try openNextShard()
  }

  /// The tensor that must come next; nil at the end.
  public var next: TensorEntry? { writer?.next }

  /// Appends a whole tensor; see ``SafetensorsWriter/append(_:named:)-(TensorView,_)``.
  public func append(_ tensor: TensorView, named name: String) throws {
    try currentWriter(for: name).append(tensor, named: name)
    try completeShard()
  }

  /// Appends a whole tensor.
  public func append(_ tensor: HostTensor, named name: String) throws {
    try append(tensor.view, named: name)
  }

  /// Appends the next bytes of a tensor.
  public func append(bytes: UnsafeRawBufferPointer, named name: String) throws {
    try currentWriter(for: name).append(bytes: bytes, named: name)
    try completeShard()
  }

  /// Completes the files and writes the index.
  ///
  /// - Returns: size and SHA-256 of every file, by name.
  public func finish() throws -> [String: FileDigest] {
    try closeShard()
    guard digests.count == layout.shards.count else {
      throw CheckpointsError(
        .mismatchedTensor, "only \(digests.count) of \(layout.shards.count) shards are complete",
        subject: directory.path)
    }
    if let index = layout.index {
      digests[index.name] = try OutputFile.write(
        Data(index.contents.json.utf8), to: directory.appending(path: index.name))
    }
    return digests
  }

  private func currentWriter(for name: String) throws -> SafetensorsWriter {
    guard let writer else {
      throw CheckpointsError(
        .mismatchedTensor, "the tensor “\(name)” comes after the last", subject: directory.path)
    }
    return writer
  }

  private func completeShard() throws {
    if writer?.next == nil { try closeShard() }
  }

  private func closeShard() throws {
    guard let writer else { return }
    digests[layout.shards[digests.count].name] = try writer.finish()
    self.writer = nil
    if digests.count < layout.shards.count { try openNextShard() }
  }

  private func openNextShard() throws {
    let shard = layout.shards[digests.count]
    writer = try SafetensorsWriter(directory.appending(path: shard.name), like: shard.header)
  }
}
