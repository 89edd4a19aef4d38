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
    weights = try GrowthFiles(
      converting: source, to: type, maximumShardByteCount: maximumShardByteCount)
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

extension GrowthFiles {
  /// A model's own tensors, converted to a type where one is given.
  fileprivate init(
    converting source: GrowthSource, to type: DType?, maximumShardByteCount: Int?
  ) throws {
    let specs = try source.model.program().parameters
    let types = try OutputTypes(source, type)
    var tensors: [String: Tensor] = [:]
    var files: [TensorSpec] = []
    for (spec, name) in zip(specs, source.directory.tensorNames) {
      guard let location = source.directory.tensors.location(of: name) else {
        throw GrowthError(.mismatch, "is not in the model's files", subject: name)
      }
      let chain = GrowthChain(target: spec, part: .value, source: location, steps: [])
      let type = try types.type(of: chain)
      tensors[spec.name] = Tensor(chain: chain, type: type, isExact: types.isExact(chain))
      files.append(
        type.map { TensorSpec(spec.name, dtype: $0, shape: spec.shape) }
          ?? TensorSpec(copying: location.entry, as: spec.name))
    }
    try self.init(
      layouts: [
        ShardLayout(
          baseName: TrainingStateFiles.model, tensors: files, metadata: ["format": "pt"],
          maximumShardByteCount: maximumShardByteCount ?? source.shardByteCount())
      ],
      tensors: tensors, chains: GrowthChains([], options: GrowthOptions()), clocks: nil)
  }

  private init(
    layouts: [ShardLayout], tensors: [String: Tensor], chains: GrowthChains,
    clocks: [ParameterClock]?
  ) {
    self.layouts = layouts
    self.tensors = tensors
    self.chains = chains
    self.clocks = clocks
  }
}
