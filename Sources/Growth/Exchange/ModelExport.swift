// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Training

/// A checkpoint as a model for others: weights of one type, `config.json`, tokenizer and generation
/// settings, and where asked for the optimizer's state for PyTorch.
///
///     let source = try GrowthSource(reading: run)
///     try ModelExport(of: source).write(to: published, .init(type: .bfloat16))
public struct ModelExport: Sendable {
  /// For whom the optimizer's state is written.
  public enum Optimizer: String, Sendable, Hashable, CaseIterable {
    /// `torch.optim.AdamW` of a transformers model; see `TorchOptimizerFile`.
    case torch
  }

  /// What becomes of a model of which transformers would compute another function.
  public enum ForeignFunction: Sendable, Hashable {
    /// It is refused.
    case refuse
    /// It is written, for programs that heed the keys of this library.
    case allow
  }

  /// What is exported.
  public let source: GrowthSource
  /// For whom the optimizer's state is written; nil for nobody.
  public let optimizer: Optimizer?

  private let adamW: TorchAdamW?
  private let stored: StoredTrainingState?

  /// Plans an export.
  ///
  /// - Parameter foreignFunction: what becomes of a model whose `config.json` needs keys that
  ///   transformers does not know.
  /// - Throws: ``GrowthError`` of code `unsupported` for such a model where it is refused;
  ///   `invalidOptions` for an optimizer's state where there is none;
  ///   `TrainingError` of code `invalidState` for one that PyTorch cannot hold.
  public init(
    of source: GrowthSource, optimizer: Optimizer? = nil,
    foreignFunction: ForeignFunction = .refuse
  ) throws {
    self.source = source
    self.optimizer = optimizer
    if foreignFunction == .refuse, let warning = try Self.functionWarning(source.model) {
      throw GrowthError(
        .unsupported,
        "\(warning). Write it all the same with --own-keys, for programs that heed them; or grow the model "
          + "in another way, such as without --form divided",
        subject: source.url.path(percentEncoded: false))
    }
    guard optimizer != nil else {
      (adamW, stored) = (nil, nil)
      return
    }
    try GrowthError.check(
      source.status != nil, .invalidOptions, subject: source.url.path(percentEncoded: false),
      "holds weights alone and no \(TrainingStateFiles.state), so there is no optimizer's state to "
        + "export; give a training checkpoint or a run")
    let state = try StoredTrainingState(reading: source.url)
    adamW = try TorchAdamW(
      state.status, clocks: state.clocks, program: state.status.model.program()
    ) { state.hasMoments($0) }
    stored = state
  }

  /// What a user should know of a model of which transformers would compute another function; nil where
  /// it would not.
  public var functionWarning: String? {
    get throws { try Self.functionWarning(source.model) }
  }

  private static func functionWarning(_ model: ModelConfiguration) throws -> String? {
    HuggingFaceConfiguration.warning(
      of: try HuggingFaceConfiguration.ownKeys(of: model).map(\.description))
  }

  /// The optimizer's settings as PyTorch will have them; nil where they are not exported.
  public var torchOptimizer: TorchAdamW? { adamW }

  /// The type that `config.json` will name: that of most of the weights; nil where it is none of real
  /// numbers.
  ///
  /// - Throws: as ``write(to:_:observe:)`` before it writes.
  public func weightType(_ output: ModelGrowth.Output = .init()) throws -> DType? {
    try output.type ?? files(output).weightType
  }

  /// Writes the model as a directory, which appears whole or not at all.
  ///
  /// Tensors are copied or converted in blocks of rows on all cores, in memory that does not depend on
  /// the model's size. Until the directory is whole it is called `.partial-NAME`; what is finished
  /// when the work is cancelled or killed is kept for an export that resumes.
  ///
  /// - Parameters:
  ///   - output: type, size of shards, and what becomes of what is there; `only` and `rounding` do not
  ///     apply.
  ///   - observe: hears several times a second how far the work is; what it throws ends it.
  /// - Throws: ``GrowthError`` of code `unwritableTarget`; `unsupported`, naming tensor and element, for
  ///   numbers that are not finite or that the type cannot hold; the errors of Checkpoints.
  public func write(
    to target: URL, _ output: ModelGrowth.Output = .init(),
    observe: (ModelGrowth.Progress) throws -> Void = { _ in }
  ) throws {
    let files = try files(output)
    let configuration = try configuration(files, output)
    let writing = ExchangeWriting(
      source: source, files: files, overwrites: output.overwrites, resumes: output.resumes)
    try writing.write(to: target, identity: Data("export".utf8) + configuration) { writer in
      try writer.write(configuration, to: TrainingStateFiles.configuration)
      try CarriedFiles(of: source.url).copy(into: writer)
    } observe: {
      try observe($0)
    }
  }

  private func configuration(
    _ files: ExchangedFiles, _ output: ModelGrowth.Output
  ) throws -> Data {
    var configuration = source.directory.configuration
    if let type = output.type ?? files.weightType { configuration.weightType = type }
    return try configuration.encoded()
  }

  private func files(_ output: ModelGrowth.Output) throws -> ExchangedFiles {
    try GrowthError.check(
      output.type?.isFloatingPoint ?? true, .invalidOptions, subject: "dtype",
      "\(output.type?.rawValue ?? "") holds no real numbers")
    try GrowthError.check(
      output.maximumShardByteCount ?? 1 > 0, .invalidOptions, subject: "shard size",
      "\(output.maximumShardByteCount ?? 0) bytes hold no tensor")
    return try ExchangedFiles(
      weightsOf: source, as: output.type, maximumShardByteCount: output.maximumShardByteCount,
      others: optimizerFile().map { [$0] } ?? [])
  }

  private func optimizerFile() throws -> (layout: ShardLayout, tensors: [ExchangedTensor])? {
    guard let adamW, let stored else { return nil }
    let tensors = try stored.status.model.transformersParameters()
      .filter { !adamW.parametersWithoutState.contains($0.name) }
      .flatMap { parameter in
        [
          stored.tensor(.firstMoment, .firstMoment, of: parameter),
          stored.tensor(.secondMoment, .secondMoment, of: parameter),
          Self.step(adamW.stepCount(of: parameter.name), of: parameter),
        ]
      }
    let layout = try ShardLayout(
      baseName: TorchOptimizerFile.baseName, tensors: tensors.map(\.spec),
      metadata: ["format": "pt", TorchAdamW.metadataKey: try adamW.json()])
    return (layout, tensors)
  }

  private static func step(_ count: Int, of parameter: TransformersParameter) -> ExchangedTensor {
    let name = TorchOptimizerFile.Part.step.name(of: parameter.name)
    let bits = Float(count).bitPattern.littleEndian
    return ExchangedTensor(
      spec: TensorSpec(name, shape: []),
      pieces: [.bytes(withUnsafeBytes(of: bits) { Array($0) })], origin: name)
  }
}

extension StoredTrainingState {
  fileprivate func hasMoments(_ index: Int) -> Bool {
    location(of: index, .firstMoment) != nil || location(of: index, .secondMoment) != nil
  }

  /// The moments of the parameters that one tensor of PyTorch holds; zeros where one has none.
  fileprivate func tensor(
    _ part: StatePart, _ name: TorchOptimizerFile.Part, of parameter: TransformersParameter
  ) -> ExchangedTensor {
    let share = parameter.shape.elementCount / parameter.parts.count * DType.float32.byteWidth
    return ExchangedTensor(
      spec: TensorSpec(name.name(of: parameter.name), shape: parameter.shape),
      pieces: parameter.parts.map { index in
        location(of: index, part).map {
          .file($0.file, offset: $0.offset, byteCount: $0.entry.byteCount)
        } ?? .zeros(byteCount: share)
      },
      origin: TrainingStateFiles.name(of: parameter.name, part),
      isMeanOfSquares: part == .secondMoment)
  }
}
