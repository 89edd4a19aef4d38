// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Training

/// What a growth writes, tensor by tensor, before anything is read but headers.
struct GrowthFiles: Sendable {
  /// One tensor of a file.
  struct Tensor: Sendable {
    var chain: GrowthChain
    /// The type of the elements; nil for bytes that are copied whatever they are.
    var type: DType?
    /// Whether it is computed in float64.
    var isExact: Bool
  }

  /// The files of the weights and, of a training state, those of the moments.
  let layouts: [ShardLayout]
  /// The tensors by their names in the files.
  let tensors: [String: Tensor]
  let chains: GrowthChains
  /// The grown parameters' counts and multipliers; nil for weights alone.
  let clocks: [ParameterClock]?

  init(_ growth: ModelGrowth, _ output: ModelGrowth.Output) throws {
    let specs = try growth.target.program().parameters
    let chains = try GrowthChains(growth.plans, options: growth.options)
    let source = growth.source
    let stored = source.status == nil ? nil : try StoredTrainingState(reading: source.url)
    let types = try OutputTypes(source, output.type)
    let only = try NameFilter(output.only, among: specs.map(\.name))
    var tensors: [String: Tensor] = [:]
    var weights: [TensorSpec] = []
    var moments: [TensorSpec] = []
    for part in StatePart.all {
      if part != .value && stored == nil { continue }
      for (index, spec) in specs.enumerated() where only.contains(spec.name) {
        let location = { source.location(of: $0, $1, stored) }
        guard let chain = chains.chain(of: index, part, from: location) else {
          if part != .value { continue }
          throw GrowthError(.mismatch, "has no source", subject: spec.name)
        }
        let type = try types.type(of: chain)
        let name = TrainingStateFiles.name(of: spec.name, part)
        let tensor = try Self.spec(name, type, chain)
        if part == .value { weights.append(tensor) } else { moments.append(tensor) }
        tensors[name] = Tensor(
          chain: chain, type: type, isExact: types.isExact(chain))
      }
    }
    let limit = try output.maximumShardByteCount ?? source.shardByteCount()
    let files =
      [(TrainingStateFiles.model, weights)]
      + (stored == nil
        ? [] : [(TrainingStateFiles.optimizer, moments)])
    layouts = try files.map {
      try ShardLayout(
        baseName: $0.0, tensors: $0.1, metadata: ["format": "pt"], maximumShardByteCount: limit)
    }
    self.tensors = tensors
    self.chains = chains
    clocks = stored.map { chains.clocks(of: $0.clocks) }
  }

  private static func spec(
    _ name: String, _ type: DType?, _ chain: GrowthChain
  ) throws -> TensorSpec {
    if let type { return TensorSpec(name, dtype: type, shape: chain.target.shape) }
    guard let entry = chain.source?.entry else {
      throw GrowthError(.mismatch, "has no source", subject: name)
    }
    return TensorSpec(copying: entry, as: name)
  }

  /// Bytes of all files with tensors.
  var byteCount: Int { layouts.reduce(0) { $0 + $1.byteCount } }
}

extension GrowthSource {
  /// Where one part of a parameter is; nil where it has none.
  fileprivate func location(
    of index: Int, _ part: StatePart, _ stored: StoredTrainingState?
  ) -> TensorLocation? {
    if let stored { return stored.location(of: index, part) }
    return part == .value ? directory.tensors.location(of: directory.tensorNames[index]) : nil
  }

  /// The bytes of tensors in the largest shard; nil for a single file.
  func shardByteCount() throws -> Int? {
    guard let sharded = directory.tensors as? ShardedTensors else { return nil }
    return try sharded.index.files.map {
      try SafetensorsFile(url.appending(path: $0)).header.dataByteCount
    }.max()
  }
}
