// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Training

/// What a growth writes, tensor by tensor, before anything is read but headers.
struct GrowthFiles: Sendable {
  /// The files of the weights and, of a training state, those of the moments.
  let layouts: [ShardLayout]
  /// The tensors by their names in the files.
  let tensors: [String: GrownTensor]
  /// Where the small model's are.
  let places: StoredPlaces
  /// The grown parameters' counts and multipliers; nil for weights alone.
  let clocks: [ParameterClock]?
  private let path: GrowthPath

  /// The files of a growth.
  init(_ growth: ModelGrowth, _ output: ModelGrowth.Output) throws {
    let source = growth.source
    try self.init(
      growth.path, of: source,
      source.status == nil ? nil : StoredTrainingState(reading: source.url),
      as: output.type, only: output.only, maximumShardByteCount: output.maximumShardByteCount)
  }

  /// A path's files.
  ///
  /// - Parameters:
  ///   - stored: the training state that grows; nil for weights alone.
  ///   - type: the type of all weights; nil for each tensor's own.
  ///   - only: patterns of names of the only tensors; nil for all.
  init(
    _ path: GrowthPath, of source: GrowthSource, _ stored: StoredTrainingState? = nil,
    as type: DType?, only: [String]? = nil, maximumShardByteCount: Int?
  ) throws {
    let specs = path.targetParameters
    let places = StoredPlaces(source.directory, stored)
    let types = try OutputTypes(source, type)
    let only = try NameFilter(only, among: specs.map(\.name))
    var tensors: [String: GrownTensor] = [:]
    var weights: [TensorSpec] = []
    var moments: [TensorSpec] = []
    for part in StatePart.all where part == .value || stored != nil {
      for (index, spec) in specs.enumerated() where only.contains(spec.name) {
        let chain = path.chain(of: index, part) { places.location(of: $0, $1) != nil }
        guard let chain else {
          if part != .value { continue }
          throw GrowthError(.mismatch, "has no source", subject: spec.name)
        }
        let entry = places.location(of: chain)?.entry
        let type = try types.type(of: entry, isComputed: !chain.steps.isEmpty)
        let name = TrainingStateFiles.name(of: spec.name, part)
        let tensor = try Self.spec(name, type: type, chain: chain, like: entry)
        if part == .value { weights.append(tensor) } else { moments.append(tensor) }
        tensors[name] = GrownTensor(chain, as: type, isExact: types.isExact(entry))
      }
    }
    let limit = try maximumShardByteCount ?? source.shardByteCount()
    let files =
      [(TrainingStateFiles.model, weights)]
      + (stored == nil
        ? [] : [(TrainingStateFiles.optimizer, moments)])
    layouts = try files.map {
      try ShardLayout(
        baseName: $0.0, tensors: $0.1, metadata: ["format": "pt"], maximumShardByteCount: limit)
    }
    self.tensors = tensors
    self.places = places
    self.path = path
    clocks = stored.map { path.clocks(of: $0.clocks) }
  }

  /// What makes the tensors.
  ///
  /// - Parameter threadCount: how many threads measure a tensor; nil for all cores.
  /// - Throws: the errors of Checkpoints for files that cannot be opened.
  func executor(
    rounding: WeightRounding = .nearest, threadCount: Int? = nil
  ) throws -> GrowthExecutor<FileSource> {
    let source = try FileSource(
      places, for: tensors.values.map(\.chain), threadCount: threadCount)
    return GrowthExecutor(path, from: source, to: tensors, rounding: rounding)
  }

  /// What is done to a tensor, on half a line.
  func summary(of tensor: GrownTensor) -> String { path.summary(of: tensor.chain) }

  private static func spec(
    _ name: String, type: DType?, chain: GrowthChain, like entry: TensorEntry?
  ) throws -> TensorSpec {
    if let type { return TensorSpec(name, dtype: type, shape: chain.target.shape) }
    guard let entry else {
      throw GrowthError(.mismatch, "has no source", subject: name)
    }
    return TensorSpec(copying: entry, as: name)
  }

  /// Bytes of all files with tensors.
  var byteCount: Int { layouts.reduce(0) { $0 + $1.byteCount } }
}

extension GrowthSource {
  /// The bytes of tensors in the largest shard; nil for a single file.
  func shardByteCount() throws -> Int? {
    guard let sharded = directory.tensors as? ShardedTensors else { return nil }
    return try sharded.index.files.map {
      try SafetensorsFile(url.appending(path: $0)).header.dataByteCount
    }.max()
  }
}

/// Takes grown tensors into files, block by block.
struct FileSink: StateSink {
  /// The files.
  let layouts: [ShardLayout]
  /// Where they are written.
  let directory: ResumableDirectory
  /// How many threads make blocks, and of what size.
  let configuration: ShardPipeline.Configuration
  /// Hears how many bytes are written; what it throws ends the work.
  let observe: (Int) throws -> Void

  func take<Source>(_ executor: GrowthExecutor<Source>) throws {
    try ShardPipeline(layouts, in: directory, configuration: configuration)
      .run(makeWorker: { executor.blockMaker() }, progress: observe)
  }
}

extension GrowthExecutor {
  /// A maker of blocks of files, for one thread.
  func blockMaker() -> ShardPipeline.Maker {
    let make = maker()
    return { entry, range, bytes in try make(entry.name, range, bytes) }
  }
}
