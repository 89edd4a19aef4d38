// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Writes a model into as many safetensors files as a greatest size asks for, with their index;
/// into a single file without an index where one is enough.
public final class ShardedWriter {
  /// The tensors in the order in which they must come: shard after shard.
  public let entries: [TensorEntry]
  private let directory: URL
  private let baseName: String
  private let plans: [SafetensorsHeader]
  private var writer: SafetensorsWriter?
  private var digests: [String: FileDigest] = [:]

  /// Plans the shards: tensors in the given order, a new shard where the next one would make it
  /// too large (a tensor larger than a shard gets one of its own), as transformers does.
  ///
  /// - Parameters:
  ///   - maximumShardByteCount: bytes of tensors in a shard; nil for a single file.
  public init(
    in directory: URL, baseName: String = "model", tensors: [TensorSpec],
    metadata: [String: String]? = nil, maximumShardByteCount: Int? = nil
  ) throws {
    self.directory = directory
    self.baseName = baseName
    plans = try Self.split(tensors, maximumShardByteCount ?? .max).map { shard in
      try SafetensorsHeader(tensors: shard, metadata: metadata)
    }
    entries = plans.flatMap(\.entriesInFileOrder)
    guard Set(entries.map(\.name)).count == entries.count else {
      throw CheckpointsError(
        .invalidHeader, "two tensors have the same name", subject: directory.path)
    }
    try openNextShard()
  }

  private static func split(_ tensors: [TensorSpec], _ limit: Int) -> [[TensorSpec]] {
    var shards: [[TensorSpec]] = [[]]
    var size = 0
    for tensor in tensors {
      let byteCount = tensor.byteCount ?? .max
      let (sum, overflow) = size.addingReportingOverflow(byteCount)
      if overflow || sum > limit, shards.last?.isEmpty == false {
        shards.append([])
        size = 0
      }
      shards[shards.count - 1].append(tensor)
      size = size == 0 ? byteCount : sum
    }
    return shards
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
    guard digests.count == plans.count else {
      throw CheckpointsError(
        .mismatchedTensor, "only \(digests.count) of \(plans.count) shards are complete",
        subject: directory.path)
    }
    if plans.count > 1 {
      let name = ShardIndex.fileName(baseName: baseName)
      digests[name] = try OutputFile.write(
        Data(index.json.utf8), to: directory.appending(path: name))
    }
    return digests
  }

  private var index: ShardIndex {
    var files: [String: String] = [:]
    for (number, plan) in plans.enumerated() {
      for entry in plan.entries { files[entry.name] = shardName(number) }
    }
    return ShardIndex(
      fileOfTensor: files, totalByteCount: plans.reduce(0) { $0 + $1.dataByteCount })
  }

  private func shardName(_ number: Int) -> String {
    ShardIndex.shardName(baseName: baseName, number: number + 1, of: plans.count)
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
    digests[shardName(digests.count)] = try writer.finish()
    self.writer = nil
    if digests.count < plans.count { try openNextShard() }
  }

  private func openNextShard() throws {
    writer = try SafetensorsWriter(
      directory.appending(path: shardName(digests.count)), like: plans[digests.count])
  }
}
