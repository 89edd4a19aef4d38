// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Training

extension ModelGrowth {
  /// How the files of a grown model are written.
  public struct Output: Sendable, Hashable {
    /// The weights' type; nil for each tensor's own, float32 for a training state's.
    public var type: DType?
    /// Bytes of tensors in a file of weights; nil for as many as the source's largest has.
    public var maximumShardByteCount: Int?
    /// Whether a model that is there already is replaced.
    public var overwrites: Bool

    /// Makes settings.
    public init(
      type: DType? = nil, maximumShardByteCount: Int? = nil, overwrites: Bool = false
    ) {
      self.type = type
      self.maximumShardByteCount = maximumShardByteCount
      self.overwrites = overwrites
    }
  }

  /// What a growth is doing.
  public enum Stage: String, Sendable, Hashable, CaseIterable {
    case reading, growing, writing
  }

  /// Grows the model and writes it as a directory, which appears whole or not at all.
  ///
  /// It holds what a checkpoint of its kind holds, in Hugging Face's layout, the small files of the
  /// source (tokenizer, generation settings), and `growth.json`.
  ///
  /// - Parameter observe: hears of each stage as it begins.
  /// - Throws: ``GrowthError`` of code `unwritableTarget` or `invalidOptions`; the errors of
  ///   Checkpoints and Tensors. Then nothing is left behind.
  public func write(
    to target: URL, _ output: Output = Output(), observe: (Stage) -> Void = { _ in }
  ) throws {
    try check(output, target: target)
    observe(.reading)
    if let state = try source.state() {
      observe(.growing)
      let grown = try plans.grown(state, options: options)
      observe(.writing)
      try write(to: target) {
        try grown.write(
          to: $0, configuration: source.directory.configuration,
          tokenizer: try source.directory.tokenizerJSON())
      }
    } else {
      let values = try source.directory.values()
      observe(.growing)
      let grown = try plans.grown(values: values, seed: options.seed)
      observe(.writing)
      try write(to: target) { try write(grown, to: $0, output) }
    }
  }

  /// Checks, before any work, that the files may be written so and there.
  ///
  /// - Throws: ``GrowthError`` of code `unwritableTarget` or `invalidOptions`.
  public func check(_ output: Output, target: URL) throws {
    try GrowthError.check(
      source.status == nil || (output.type ?? .float32) == .float32, .invalidOptions, "dtype",
      "a training state holds float32; grow the weights alone for \(output.type?.rawValue ?? "")")
    try GrowthError.check(
      output.type?.isFloatingPoint ?? true, .invalidOptions, "dtype",
      "\(output.type?.rawValue ?? "") holds no real numbers")
    try GrowthError.check(
      output.maximumShardByteCount ?? 1 > 0, .invalidOptions, "shard size",
      "\(output.maximumShardByteCount ?? 0) bytes hold no tensor")
    let path = target.absoluteURL.standardizedFileURL.path(percentEncoded: false)
    try checkTarget(path, output)
  }

  private func checkTarget(_ path: String, _ output: Output) throws {
    func directory(_ path: String) -> String {
      let real = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
      return real.hasSuffix("/") ? real : real + "/"
    }
    try GrowthError.check(
      !directory(source.url.path(percentEncoded: false)).hasPrefix(directory(path)),
      .unwritableTarget, path, "holds the model that is grown; give another path")
    guard FileManager.default.fileExists(atPath: path) else { return }
    let names = try? FileManager.default.contentsOfDirectory(atPath: path)
    if names == [] { return }
    try GrowthError.check(
      names?.contains(TrainingStateFiles.configuration) ?? false, .unwritableTarget, path,
      "exists and is not a model's directory; give another path")
    try GrowthError.check(
      output.overwrites, .unwritableTarget, path,
      "exists; give another path, or replace it (--overwrite)")
  }

  private func write(to target: URL, _ model: (CheckpointWriter) throws -> Void) throws {
    let receipt = try receipt()
    let files = try CarriedFiles(of: source.url)
    try CheckpointDirectory.write(to: target) { writer in
      try model(writer)
      let taken: Set = source.status == nil ? [] : [TrainingStateFiles.tokenizer]
      try files.copy(into: writer, except: taken)
      try NewParameters(newParameters: newParameterNames()).write(to: writer)
      try writer.write(try receipt.encoded(), to: GrowthReceipt.fileName)
    }
  }

  private func write(
    _ values: [HostTensor], to writer: CheckpointWriter, _ output: Output
  ) throws {
    var configuration = source.directory.configuration
    configuration.model = target
    if let type = output.type { configuration.weightType = type }
    try writer.write(configuration.encoded(), to: TrainingStateFiles.configuration)
    let specs = try target.program().parameters
    let types = try output.type.map { Array(repeating: $0, count: specs.count) } ?? grownTypes()
    let tensors = zip(specs, types).map { TensorSpec($0.name, dtype: $1, shape: $0.shape) }
    let byName = Dictionary(zip(specs.map(\.name), values)) { first, _ in first }
    try writer.writeTensors(
      TrainingStateFiles.model, tensors, metadata: ["format": "pt"],
      maximumShardByteCount: try output.maximumShardByteCount ?? sourceShardByteCount()
    ) { entry in
      guard let value = byName[entry.name], let type = entry.dtype else {
        throw GrowthError(.mismatch, "was not grown", subject: entry.name)
      }
      return try value.converted(to: type)
    }
  }

  /// Each tensor's type is its source's; that of new ones is the one that most of the source has.
  private func grownTypes() throws -> [DType] {
    let tensors = source.directory.tensors
    let types = source.directory.tensorNames.map { tensors.entry(named: $0)?.dtype ?? .float32 }
    let counts = Dictionary(grouping: types) { $0 }.mapValues(\.count)
    let most = counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key
    return try plans.reduce(types) { types, plan in
      try plan.tensors().map { $0.source.map { types[$0] } ?? most ?? .float32 }
    }
  }

  /// The bytes of tensors in the source's largest shard; nil for a single file.
  private func sourceShardByteCount() throws -> Int? {
    guard let sharded = source.directory.tensors as? ShardedTensors else { return nil }
    return try sharded.index.files.map {
      try SafetensorsFile(source.url.appending(path: $0)).header.dataByteCount
    }.max()
  }
}
