// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Text
import Training

/// A training of PyTorch's that becomes a training checkpoint: the weights of a Hugging Face directory
/// with the state of their `torch.optim.AdamW`.
///
/// The checkpoint can be grown with its moments, and trained on.
public struct TrainingImport: Sendable {
  /// What the files do not say.
  public struct Options: Sendable, Hashable {
    /// How the training goes on; nil for the file's optimizer at a constant rate.
    public var training: TrainingConfiguration?
    /// The order of the data.
    public var order: BatchStream.Order
    /// Steps taken; nil for as many as the parameters have that were updated most.
    public var step: Int?
    /// Tokens trained on; nil for what the file says, or else as many as the training takes in so many
    /// steps.
    public var tokens: Int?
    /// Whether the schedule begins anew, instead of standing at the step.
    public var restartsSchedule: Bool

    /// Makes options.
    public init(
      training: TrainingConfiguration? = nil, order: BatchStream.Order = .shuffled,
      step: Int? = nil, tokens: Int? = nil, restartsSchedule: Bool = false
    ) {
      self.training = training
      self.order = order
      self.step = step
      self.tokens = tokens
      self.restartsSchedule = restartsSchedule
    }
  }

  /// The weights.
  public let source: GrowthSource
  /// The optimizer's state.
  public let optimizer: TorchOptimizerFile
  /// The training that the checkpoint will hold, but for the hash of its source.
  public let status: TrainingStatus
  private let program: Program
  /// The state's counts and multipliers, by which the next step has the rates of the file.
  private let clocks: [ParameterClock]

  /// Plans an import.
  ///
  /// - Parameters:
  ///   - directory: a Hugging Face directory with the weights.
  ///   - file: the optimizer's state; see `TorchOptimizerFile`.
  ///   - families: families beside the known ones.
  /// - Throws: ``GrowthError`` of code `invalidOptions` for a step or tokens that the file contradicts;
  ///   the errors of Training, Checkpoints and Architectures for files that are damaged, of another
  ///   model, or not supported.
  public init(
    of directory: URL, optimizer file: URL, _ options: Options = Options(),
    families: [DecoderFamily] = []
  ) throws {
    source = try GrowthSource(
      reading: directory, weightsOnly: true, verifying: .sizes, families: families)
    program = try source.model.program()
    optimizer = try TorchOptimizerFile(reading: file, of: source.model)
    status = try Self.status(source.model, program: program, optimizer: optimizer, options: options)
    clocks = try status.training.stored(optimizer.settings.clocks, of: source.model)
  }

  private static func status(
    _ model: ModelConfiguration, program: Program, optimizer: TorchOptimizerFile,
    options: Options
  ) throws -> TrainingStatus {
    let adamW = optimizer.adamW
    let step = options.step ?? adamW.step
    try GrowthError.check(
      step >= adamW.step, .invalidOptions, subject: "step",
      "\(step) is less than the \(adamW.step) updates that parameters have seen")
    let training = try options.training ?? constant(optimizer, step)
    try training.validate()
    let perStep = Double(training.batch.sequencesPerStep) * Double(model.contextLength)
    let tokens =
      options.tokens ?? adamW.tokens
      ?? (options.training == nil ? 0 : Int(exactly: Double(step) * perStep) ?? .max)
    // As far as the log of a run counts.
    let limit = 1 << 56
    for (name, count) in [("step", step), ("tokens", tokens)] {
      try GrowthError.check(
        (0...limit).contains(count), .invalidOptions, subject: name,
        "\(count) is outside 0 … \(limit); give --\(name)")
    }
    let cursor = BatchStream.Cursor(
      order: options.order, seed: training.seed, contextLength: model.contextLength)
    var status = TrainingStatus(model: model, training: training, cursor: cursor)
    status.progress = TrainingProgress(
      steps: step, tokens: tokens,
      floatingPointOperations: Double(tokens)
        * program.floatingPointOperations(sequenceLength: model.contextLength).training)
    status.position = position(status, restarts: options.restartsSchedule)
    return status
  }

  /// The file's own optimizer at the rate where it stands.
  private static func constant(
    _ optimizer: TorchOptimizerFile, _ step: Int
  ) throws -> TrainingConfiguration {
    let settings = optimizer.settings
    try GrowthError.check(
      settings.learningRate > 0, .invalidOptions,
      subject: optimizer.url.path(percentEncoded: false),
      "has a learning rate of 0, which is no schedule; give the recipe that goes on (--recipe)")
    return TrainingConfiguration(
      batch: BatchConfiguration(sequences: 1), optimizer: .adamW(settings.optimizer),
      schedule: LearningRateSchedule(kind: .constant, peak: settings.learningRate, total: nil),
      evaluation: nil, checkpoint: nil, stop: StopConditions(after: .steps(step)))
  }

  private static func position(_ status: TrainingStatus, restarts: Bool) -> SchedulePosition {
    let progress = status.progress
    if restarts { return SchedulePosition(moving: progress, to: TrainingProgress()) }
    let warmup = status.training.schedule.warmup
    let done = progress.amount(warmup.measure)
    guard warmup.amount > 0, done >= warmup.amount else { return SchedulePosition() }
    // Where its end is needed in another measure: steps were of one size, as far as is known.
    let share = warmup.amount / done
    let end = TrainingProgress(
      steps: Int((Double(progress.steps) * share).rounded(.up)),
      tokens: Int((Double(progress.tokens) * share).rounded(.up)),
      floatingPointOperations: progress.floatingPointOperations * share)
    return SchedulePosition(warmupEnd: end)
  }
}

extension TrainingImport {
  /// What people should know before they train on: where the training that is to go on with the state
  /// is not the one that made it.
  public var notes: [String] {
    let (given, file) = (status.training.optimizer.adamW, optimizer.settings.optimizer)
    let rate = (try? status.nextLearningRate(of: program)) ?? 0
    let isSameRate =
      abs(rate - optimizer.settings.learningRate) <= 1e-6
      * max(rate, optimizer.settings.learningRate)
    let rows: [(String, String, String)] = [
      ("betas", "\(file.beta1), \(file.beta2)", "\(given.beta1), \(given.beta2)"),
      ("eps", "\(file.epsilon)", "\(given.epsilon)"),
      ("weight decay", "\(file.weightDecay)", "\(given.weightDecay)"),
      (
        "parameters that decay", file.weightDecay == 0 ? "" : file.decayRule.rawValue,
        file.weightDecay == 0 ? "" : given.decayRule.rawValue
      ),
      (
        "learning rate of the next step", "\(optimizer.settings.learningRate)",
        isSameRate ? "\(optimizer.settings.learningRate)" : "\(rate)"
      ),
    ]
    let differences = rows.filter { $0.1 != $0.2 }.map {
      "\($0.0): \($0.1) in the file, \($0.2) in the recipe, which counts"
    }
    return differences
      + (status.progress.tokens == 0 && status.progress.steps > 0
        ? ["tokens trained on are not known and stand at 0; --tokens states them"] : [])
  }

  /// Writes the checkpoint, which appears whole or not at all, as ``ModelExport/write(to:_:observe:)``
  /// does.
  ///
  /// - Parameter output: the size of shards, and what becomes of what is there; nothing else applies.
  /// - Throws: ``GrowthError`` of code `unwritableTarget`; `unsupported`, naming tensor and element, for
  ///   numbers that are not finite and mean squares below 0; the errors of Checkpoints.
  public func write(
    to target: URL, _ output: ModelGrowth.Output = .init(),
    observe: (ModelGrowth.Progress) throws -> Void = { _ in }
  ) throws {
    let writing = ExchangeWriting(
      source: source, inputs: [optimizer.url], files: try files(output),
      overwrites: output.overwrites, resumes: output.resumes)
    var configuration = source.directory.configuration
    configuration.weightType = .float32
    let encoded = try configuration.encoded()
    let identity =
      try Data("import".utf8) + encoded
      + TrainingStateFiles.encoded(status, clocks)
    try writing.write(to: target, identity: identity) { writer in
      var status = status
      status.lineage.append(
        LineageEntry(
          operation: "imported", source: source.url.path(percentEncoded: false),
          sourceHash: try source.hash, step: status.progress.steps))
      try writer.write(encoded, to: TrainingStateFiles.configuration)
      try writer.write(
        TrainingStateFiles.encoded(status, clocks), to: TrainingStateFiles.state)
      try CarriedFiles(of: source.url).copy(into: writer)
    } observe: {
      try observe($0)
    }
  }

  private func files(_ output: ModelGrowth.Output) throws -> ExchangedFiles {
    let tensors = optimizer.parameters.flatMap { parameter in
      moments(.firstMoment, .firstMoment, of: parameter)
        + moments(.secondMoment, .secondMoment, of: parameter)
    }
    let layout = try ShardLayout(
      baseName: TrainingStateFiles.optimizer, tensors: tensors.map(\.spec),
      metadata: ["format": "pt"], maximumShardByteCount: output.maximumShardByteCount)
    let file = SourceFiles(
      optimizer.url.deletingLastPathComponent(), weights: [optimizer.url.lastPathComponent],
      hasManifest: false, isVerified: true)
    return try ExchangedFiles(
      weightsOf: source, as: .float32, maximumShardByteCount: output.maximumShardByteCount,
      others: [(layout, tensors)], otherSources: [file])
  }

  /// The moments of a tensor's parameters; none where it has no state.
  private func moments(
    _ name: TorchOptimizerFile.Part, _ part: StatePart,
    of parameter: TransformersParameter
  ) -> [ExchangedTensor] {
    guard let location = optimizer.location(of: parameter.name, name) else { return [] }
    var offset = location.offset
    return parameter.parts.map { index in
      let spec = program.parameters[index]
      let byteCount = spec.shape.elementCount * DType.float32.byteWidth
      defer { offset += byteCount }
      return ExchangedTensor(
        spec: TensorSpec(TrainingStateFiles.name(of: spec.name, part), shape: spec.shape),
        pieces: [.file(location.file, offset: offset, byteCount: byteCount)],
        origin: "\(location.entry.name) in \(location.file.path(percentEncoded: false))",
        isMeanOfSquares: part == .secondMoment)
    }
  }
}
