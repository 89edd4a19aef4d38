// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// A model's tensors in several files, which their index names.
///
/// As in transformers the index says which files there are, and the files which tensors: one that the
/// index leaves out is there all the same, and of two of one name the last file's counts.
public final class ShardedTensors: TensorSource {
  /// The index as read.
  public let index: ShardIndex
  /// What there is, shard after shard, in the order of the bytes.
  public let entries: [TensorEntry]
  /// The remarks of all shards; of several on one key, the first shard's.
  public let metadata: [String: String]
  private let shards: [SafetensorsFile]
  private let shardOfTensor: [String: Int]
  private let url: URL

  /// Opens every shard that an index names.
  ///
  /// - Throws: ``CheckpointsError`` that names the shard which is missing or damaged, or the tensor
  ///   that its shard does not hold (code `invalidIndex`).
  public init(index url: URL) throws {
    self.url = url
    index = try ShardIndex(reading: url)
    let directory = url.deletingLastPathComponent()
    try Self.checkShards(index.files, in: directory, index: url)
    let shards = try index.files.map { try SafetensorsFile(directory.appending(path: $0)) }
    var shardOfTensor: [String: Int] = [:]
    var metadata: [String: String] = [:]
    for (number, shard) in shards.enumerated() {
      metadata.merge(shard.metadata) { first, _ in first }
      for name in shard.names { shardOfTensor[name] = number }
    }
    for (tensor, file) in index.fileOfTensor where shardOfTensor[tensor] == nil {
      throw CheckpointsError(
        .invalidIndex,
        "says that “\(tensor)” is in \(file), which does not hold it, nor does another shard",
        subject: url.path)
    }
    entries = shards.enumerated().flatMap { number, shard in
      shard.entries.filter { shardOfTensor[$0.name] == number }
    }
    self.shards = shards
    self.shardOfTensor = shardOfTensor
    self.metadata = metadata
  }

  /// Names all shards that are missing at once, so that nobody fetches them one by one.
  private static func checkShards(_ names: [String], in directory: URL, index: URL) throws {
    let missing = names.filter {
      !FileManager.default.fileExists(atPath: directory.appending(path: $0).path)
    }
    guard let first = missing.first else { return }
    let list = missing.prefix(8).joined(separator: ", ")
    let more = missing.count > 8 ? " and \(missing.count - 8) more" : ""
    let reason =
      MissingWeights.deadLink(directory.appending(path: first))
      ?? "Copy what is missing from where the model came"
    throw CheckpointsError(
      .unreadableFile,
      "\(missing.count) of the \(names.count) files that \(index.lastPathComponent) names \(missing.count == 1 ? "is" : "are") "
        + "missing: \(list)\(more). \(reason)", subject: directory.path)
  }

  /// What is known of a tensor; nil for a name that is not there.
  public func entry(named name: String) -> TensorEntry? { shard(of: name)?.entry(named: name) }

  /// Where a tensor's bytes are; nil for a name that is not there.
  public func location(of name: String) -> TensorLocation? {
    shard(of: name)?.location(of: name)
  }

  /// A tensor's bytes, read from its file.
  ///
  /// - Throws: ``CheckpointsError`` of code `missingTensor` or `unsupportedType`.
  public func tensor(named name: String) throws -> TensorView {
    guard let shard = shard(of: name) else {
      throw CheckpointsError(
        .missingTensor, "has no tensor “\(name)” among its \(entries.count)", subject: url.path)
    }
    return try shard.tensor(named: name)
  }

  private func shard(of name: String) -> SafetensorsFile? {
    shardOfTensor[name].map { shards[$0] }
  }
}
