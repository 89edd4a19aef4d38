// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Tensors
import Text

/// Everything that a training run is, between two steps: what saving, resuming and growing act on.
public struct TrainingState: Sendable {
  /// All but the tensors.
  public var status: TrainingStatus
  /// Values, moments, counts and multipliers, in the order of the model's program.
  public var parameters: [ParameterState]

  /// Puts a state together.
  public init(status: TrainingStatus, parameters: [ParameterState]) {
    self.status = status
    self.parameters = parameters
  }

  /// A run that is about to begin.
  ///
  /// - Parameter values: one for each parameter of the model's program, in its order.
  public init(
    model: ModelConfiguration, training: TrainingConfiguration, values: [HostTensor],
    cursor: BatchStream.Cursor, lineage: [LineageEntry] = []
  ) {
    status = TrainingStatus(model: model, training: training, cursor: cursor, lineage: lineage)
    parameters = values.map { ParameterState(value: $0) }
  }

  /// Checks that the parameters are those of the model: their number, shapes, types and counts.
  ///
  /// - Returns: the model's program.
  /// - Throws: ``TrainingError`` of code `invalidState` that names the first that is not.
  @discardableResult
  public func validate() throws -> Program {
    let program = try status.model.program()
    try status.validate()
    guard program.parameters.count == parameters.count else {
      throw TrainingError(
        .invalidState,
        "\(parameters.count) parameters for a model of \(program.parameters.count)",
        subject: "parameters")
    }
    for (spec, state) in zip(program.parameters, parameters) {
      let slots = StateSlot.all.map { ($0.label, state.slots[$0]) }
      for (part, tensor) in [("value", state.value)] + slots {
        guard let tensor else { continue }
        guard tensor.shape == spec.shape, tensor.dtype == .float32 else {
          throw TrainingError(
            .invalidState,
            "the \(part) is \(tensor.dtype) \(tensor.shape), expected float32 \(spec.shape)",
            subject: spec.name)
        }
      }
      try ParameterClock(name: spec.name, state).validate(spec.shape)
    }
    return program
  }
}

/// One stage of a staged run: the training of one model between two growths.
public struct StageStatus: Sendable, Hashable, Codable {
  /// The stage's number, from 0.
  public var index: Int
  /// The run's progress when it began.
  public var start: TrainingProgress

  /// Makes a stage.
  public init(index: Int, start: TrainingProgress) {
    self.index = index
    self.start = start
  }
}

/// What a run's evaluations have cost, which its progress in floating-point operations leaves out.
public struct EvaluationCost: Sendable, Hashable, Codable {
  /// Floating-point operations.
  public var floatingPointOperations: Double
  /// Wall time, which is part of the run's.
  public var seconds: Double

  /// Makes a cost.
  public init(floatingPointOperations: Double = 0, seconds: Double = 0) {
    self.floatingPointOperations = floatingPointOperations
    self.seconds = seconds
  }
}

/// A ``TrainingState`` without its tensors: what `training_state.json` holds.
public struct TrainingStatus: Sendable, Hashable, Codable {
  /// The model.
  public var model: ModelConfiguration
  /// How it is trained; its seed, together with the step, is the whole random state.
  public var training: TrainingConfiguration
  /// How far the run has come.
  public var progress: TrainingProgress
  /// Where on its learning-rate schedule the run stands.
  public var position: SchedulePosition
  /// Where in the data the next batch begins.
  public var cursor: BatchStream.Cursor
  /// The running estimate of the gradient noise; nil where none was measured.
  public var noiseScale: GradientNoiseScale?
  /// The loss of the last step; nil before the first.
  public var trainingLoss: Double?
  /// The last validation loss; nil before the first.
  public var validationLoss: Double?
  /// What a slope detector keeps, as JSON text that only it reads; nil for none.
  public var slopeDetector: String?
  /// Where the state came from, oldest first.
  public var lineage: [LineageEntry]
  /// The stage of a staged run that the state is in; nil where there are no stages.
  public var stage: StageStatus?
  /// What evaluations have cost beside the training; nil where none was counted.
  public var evaluationCost: EvaluationCost?
  /// Which checkpoint is good, and what trouble there was; nil where nothing is known of either.
  public var health: TrainingHealth?

  /// Steps and tokens that a run can come to; sums of two never overflow.
  static let counts = 0...(1 << 61)

  /// Checks that progress and position are possible, since they come from files.
  func validate() throws {
    let offsets = -Self.counts.upperBound...Self.counts.upperBound
    let parts: [(name: String, progress: TrainingProgress?, range: ClosedRange<Int>)] = [
      ("progress", progress, Self.counts),
      ("position.offset", position.offset, offsets),
      ("position.warmupEnd", position.warmupEnd, offsets),
      ("position.rewarmup.start", position.rewarmup?.start, Self.counts),
      ("stage.start", stage?.start, Self.counts),
    ]
    for (name, progress, range) in parts {
      guard let progress else { continue }
      for (key, count) in [("steps", progress.steps), ("tokens", progress.tokens)]
      where !range.contains(count) {
        throw TrainingError(
          .invalidState, "\(count) is outside \(range.lowerBound) … \(range.upperBound)",
          subject: "\(name).\(key)")
      }
      for (key, value) in [
        ("floatingPointOperations", progress.floatingPointOperations),
        ("seconds", progress.seconds),
      ] where !value.isFinite || (value < 0 && range.lowerBound == 0) {
        throw TrainingError(
          .invalidState, "\(value) is not possible; expected a number from 0 on",
          subject: "\(name).\(key)")
      }
    }
    let counts =
      [
        ("cursor.epoch", cursor.epoch), ("cursor.position", cursor.position),
        ("cursor.tokenCount", cursor.tokenCount), ("stage.index", stage?.index ?? 0),
        ("noiseScale.count", noiseScale?.count ?? 0),
      ] + lineage.enumerated().map { ("lineage[\($0)].step", $1.step) }
    for (name, count) in counts where !Self.counts.contains(count) {
      throw TrainingError(
        .invalidState,
        "\(count) is outside \(Self.counts.lowerBound) … \(Self.counts.upperBound)", subject: name)
    }
    try position.rewarmup?.duration.validate("position.rewarmup.duration", allowsZero: true)
    try validateCost()
    try validateSizes()
    try health?.validate()
  }

  private func validateCost() throws {
    for (key, value) in [
      ("floatingPointOperations", evaluationCost?.floatingPointOperations ?? 0),
      ("seconds", evaluationCost?.seconds ?? 0),
    ] where !(value.isFinite && value >= 0) {
      throw TrainingError(
        .invalidState, "\(value) is not possible; expected a number from 0 on",
        subject: "evaluationCost.\(key)")
    }
  }

  /// Checks that the place in the data is one of the model's sequences, and that a step's tokens can be
  /// counted.
  private func validateSizes() throws {
    guard cursor.contextLength == model.contextLength else {
      throw TrainingError(
        .invalidState,
        "\(cursor.contextLength) is not the model's context of \(model.contextLength) tokens",
        subject: "cursor.contextLength")
    }
    let sequences = training.batch.sequences.multipliedReportingOverflow(
      by: training.batch.accumulate)
    let tokens = sequences.partialValue.multipliedReportingOverflow(by: model.contextLength)
    guard !sequences.overflow, !tokens.overflow, Self.counts.contains(tokens.partialValue) else {
      throw TrainingError(
        .invalidState,
        "a step of \(training.batch.accumulate) times \(training.batch.sequences) sequences of "
          + "\(model.contextLength) tokens has more tokens than can be counted",
        subject: "training.batch")
    }
  }

  /// Checks what a file says of a training, and names the file with what is wrong.
  func validate(readFrom file: URL) throws {
    do {
      try model.validate()
      try training.validate()
      try validate()
    } catch let error as ArchitecturesError {
      throw TrainingError(.invalidState, error, subject: "\(file.path): model.\(error.subject)")
    } catch var error as TrainingError {
      error.subject = "\(file.path): \(error.subject)"
      throw error
    }
  }

  /// The status of a run that is about to begin.
  public init(
    model: ModelConfiguration, training: TrainingConfiguration, cursor: BatchStream.Cursor,
    lineage: [LineageEntry] = []
  ) {
    self.model = model
    self.training = training
    progress = TrainingProgress()
    position = SchedulePosition()
    self.cursor = cursor
    noiseScale = nil
    slopeDetector = nil
    self.lineage = lineage
  }
}
