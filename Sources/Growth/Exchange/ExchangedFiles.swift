// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Training

/// The tensor files of an export or an import, before anything is read but headers: a model's weights,
/// copied or converted, and tensors that are put together.
struct ExchangedFiles: Sendable {
  let weights: GrowthFiles
  /// The tensors that are put together, by their names.
  let others: [String: ExchangedTensor]
  /// All files.
  let layouts: [ShardLayout]
  /// What the files are put together from, beside the weights' own.
  private let otherSources: [SourceFiles]

  /// - Parameters:
  ///   - type: the type of the weights; nil for each tensor's own.
  ///   - others: further files, with their remarks.
  ///   - otherSources: the files that these are put together from.
  init(
    weightsOf source: GrowthSource, as type: DType?, maximumShardByteCount: Int?,
    others: [(layout: ShardLayout, tensors: [ExchangedTensor])] = [],
    otherSources: [SourceFiles] = []
  ) throws {
    // A path of no growths: the weights are copied, or converted.
    weights = try GrowthFiles(
      GrowthPath([], of: source.model), of: source, as: type,
      maximumShardByteCount: maximumShardByteCount)
    let all = others.flatMap(\.tensors).map { ($0.spec.name, $0) }
    self.others = Dictionary(all) { first, _ in first }
    layouts = weights.layouts + others.map(\.layout)
    self.otherSources = otherSources
  }

  /// Bytes of all files with tensors.
  var byteCount: Int { layouts.reduce(0) { $0 + $1.byteCount } }

  /// What tells these files from any others without reading what they are made of.
  func marks(of source: GrowthSource) throws -> Data {
    var data = Data((try source.files.quickHash() ?? "").utf8)
    for files in [source.files] + otherSources {
      for line in files.marks() { data += Data("\(line)\n".utf8) }
    }
    for shard in layouts.flatMap(\.shards) {
      data += Data(shard.name.utf8) + Data(shard.header.json)
    }
    return data
  }

  /// The type that most of the weights' bytes have; nil where that is none of real numbers.
  var weightType: DType? {
    let entries = weights.layouts.flatMap(\.shards).flatMap(\.header.entries)
    let counts = Dictionary(grouping: entries, by: \.dtypeName)
      .mapValues { $0.reduce(0) { $0 + $1.byteCount } }
    let most = counts.max { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    let type = most.flatMap { DType(safetensorsName: $0) }
    return type?.isFloatingPoint == true ? type : nil
  }
}
