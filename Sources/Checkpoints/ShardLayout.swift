// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Which tensors go to which safetensors file, and where in it; known before a byte is written.
public struct ShardLayout: Sendable {
  /// One file.
  public struct Shard: Sendable {
    /// Its name.
    public let name: String
    /// What it holds.
    public let header: SafetensorsHeader
  }

  /// The files in order; always one at least.
  public let shards: [Shard]
  /// The name that all share, `model` for `model.safetensors`.
  public let baseName: String

  /// Plans the shards: tensors in the given order, a new shard where the next one would make it
  /// too large (a tensor larger than a shard gets one of its own), as transformers does.
  ///
  /// - Parameters:
  ///   - metadata: each file's remarks; transformers wants `["format": "pt"]`.
  ///   - maximumShardByteCount: bytes of tensors in a shard; nil for a single file.
  /// - Throws: ``CheckpointsError`` of code `invalidHeader` for names that come twice or sizes beyond
  ///   the format's.
  public init(
    baseName: String = "model", tensors: [TensorSpec], metadata: [String: String]? = nil,
    maximumShardByteCount: Int? = nil
  ) throws {
    self.baseName = baseName
    let parts = Self.split(tensors, maximumShardByteCount ?? .max)
    shards = try parts.enumerated().map { number, part in
      Shard(
        name: ShardIndex.shardName(baseName: baseName, number: number + 1, of: parts.count),
        header: try SafetensorsHeader(tensors: part, metadata: metadata))
    }
    let names = tensors.map(\.name)
    guard Set(names).count == names.count else {
      throw CheckpointsError(
        .invalidHeader, "two tensors have the same name", subject: baseName)
    }
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

  /// Bytes of all files but the index.
  public var byteCount: Int { shards.reduce(0) { $0 + $1.header.fileByteCount } }

  /// The index of several files; nil where there is only one, which has none.
  public var index: (name: String, contents: ShardIndex)? {
    guard shards.count > 1 else { return nil }
    var files: [String: String] = [:]
    for shard in shards {
      for entry in shard.header.entries { files[entry.name] = shard.name }
    }
    let total = shards.reduce(0) { $0 + $1.header.dataByteCount }
    return (
      ShardIndex.fileName(baseName: baseName),
      ShardIndex(fileOfTensor: files, totalByteCount: total)
    )
  }
}
