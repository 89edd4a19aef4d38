// SPDX-License-Identifier: Apache-2.0
import Architectures
import RunLogs
import Text

/// Trains a state step by step until its stop conditions hold.
///
///     let loop = try TrainingLoop(state: state, engine: engine, data: data, …)
///     let outcome = try loop.run()
///
/// The same state, engine and data give the same bits, whether run at once or in parts. A loop is
/// used from one thread.
public final class TrainingLoop {
  /// What the caller provides beside the state.
  public struct Surroundings {
    /// Floating-point operations of training on one token of a sequence of this length; nil for
    /// those of the program's products, causal attention counted as what it needs.
    public var floatingPointOperationsPerToken: ((_ sequenceLength: Int) -> Double)?
    /// The text that evaluations score, from its start; nil for none.
    public var validation: (any TokenSource)?
    /// The log that gets every record.
    public var log: RunLogWriter?
    /// Hears every record after it was logged.
    public var observe: (RunRecord) -> Void
    /// Saves a state and returns the checkpoint's name; nil saves nothing.
    public var save: ((TrainingState) throws -> String)?
    /// Watches the validation losses for the moment to end; nil for none.
    public var monitor: (any LossMonitor)?
    /// What the log calls the beginning of the loop; nil for the usual names.
    public var beginEvent: EventRecord.Name?
    /// What the log calls the end of the loop where it was not interrupted; nil for the usual names.
    public var endEvent: EventRecord.Name?
    /// The name of the checkpoint that the state came from, for error messages.
    public var resumedFrom: String?
    /// Asked after every step; true ends the run with a checkpoint.
    public var isInterrupted: () -> Bool
    /// Seconds since any fixed moment.
    public var clock: () -> Double

    /// Surroundings in which nothing is logged, saved or validated.
    public init(
      floatingPointOperationsPerToken: ((_ sequenceLength: Int) -> Double)? = nil,
      validation: (any TokenSource)? = nil, log: RunLogWriter? = nil,
      observe: @escaping (RunRecord) -> Void = { _ in },
      save: ((TrainingState) throws -> String)? = nil,
      monitor: (any LossMonitor)? = nil, beginEvent: EventRecord.Name? = nil,
      endEvent: EventRecord.Name? = nil, resumedFrom: String? = nil,
      isInterrupted: @escaping () -> Bool = { false }, clock: (() -> Double)? = nil
    ) {
      self.floatingPointOperationsPerToken = floatingPointOperationsPerToken
      self.validation = validation
      self.log = log
      self.observe = observe
      self.save = save
      self.monitor = monitor
      self.beginEvent = beginEvent
      self.endEvent = endEvent
      self.resumedFrom = resumedFrom
      self.isInterrupted = isInterrupted
      self.clock = clock ?? Self.monotonicClock()
    }

    private static func monotonicClock() -> () -> Double {
      let start = ContinuousClock.now
      return { (ContinuousClock.now - start) / .seconds(1) }
    }
  }

  /// The state as of the last step, but for its tensors.
  public internal(set) var status: TrainingStatus
  /// The name of the last checkpoint, from this run or the one it goes on from.
  public internal(set) var lastCheckpoint: String?

  let program: Program
  let session: any TrainingSession
  var data: any BatchSource
  let surroundings: Surroundings
  var clocks: [ParameterClock]
  /// Whether this loop took a step, so that there is something to evaluate and save.
  var hasTrained = false
  /// Whether a step broke off; the engine may then hold half a gradient.
  var isBroken = false
  private var monitor: (any LossMonitor)?
  private var savedStep: Int?
  private var evaluatedStep: Int?
  private let secondsBefore: Double
  private let clockStart: Double

  /// Hands a state to an engine, ready for its next step; the wall time counts from here.
  ///
  /// - Parameter data: a source that stands at the state's cursor.
  /// - Throws: ``TrainingError`` for a configuration or state that is not sound; the engine's errors.
  public init(
    state: TrainingState, engine: some TrainingEngine, data: some BatchSource,
    surroundings: Surroundings
  ) throws {
    let training = state.status.training
    try training.validate()
    try TrainingError.check(
      training.stop.loss == nil || training.stop.lossKind == .training
        || surroundings.validation != nil, "stop.loss",
      "there is no validation text to measure the loss on; give one, or stop at the training loss")
    program = try state.validate()
    session = try engine.makeSession(
      for: program, parameters: state.parameters, precision: training.precision)
    clocks = zip(program.parameters, state.parameters).map { ParameterClock(name: $0.name, $1) }
    status = state.status
    self.data = data
    self.surroundings = surroundings
    monitor = surroundings.monitor
    lastCheckpoint = surroundings.resumedFrom
    secondsBefore = state.status.progress.seconds
    clockStart = surroundings.clock()
  }

  /// Trains until a stop condition holds or the run is interrupted, saves, and says why it ended.
  ///
  /// A state that already meets its conditions is left as it is.
  ///
  /// - Throws: ``TrainingError`` of code `nonFiniteLoss` where loss or gradient is not finite;
  ///   errors of the engine, the data, the log and the saving.
  public func run() throws -> TrainingOutcome {
    let usual: EventRecord.Name = status.progress.steps == 0 ? .started : .resumed
    try record(event: surroundings.beginEvent ?? usual, resumeDetails)
    var reason = endReason()
    while reason == nil {
      let before = status.progress
      try takeStep()
      if status.training.evaluation?.every.isCrossed(from: before, to: status.progress) ?? false {
        try evaluate()
      }
      reason = endReason()
      if reason == nil,
        status.training.checkpoint?.every.isCrossed(from: before, to: status.progress) ?? false
      {
        try saveCheckpoint()
      }
    }
    return try end(reason ?? .interrupted)
  }

  /// The state as of the last step, with copies of all tensors.
  public func snapshot() throws -> TrainingState {
    var parameters = try session.parameters()
    for (index, clock) in clocks.enumerated() {
      parameters[index].stepCount = clock.stepCount
      parameters[index].learningRateMultiplier = clock.learningRateMultiplier
      parameters[index].epsilonMultiplier = clock.epsilonMultiplier
    }
    return TrainingState(status: status, parameters: parameters)
  }

  /// Scores the first batches of the validation text and logs their mean loss.
  ///
  /// - Returns: nil where the configuration or the surroundings have no validation.
  @discardableResult
  public func evaluate() throws -> EvaluationRecord? {
    guard let evaluation = status.training.evaluation,
      let validation = surroundings.validation
    else { return nil }
    let begin = surroundings.clock()
    var batches = try SequentialBatches(
      validation, sequenceCount: status.training.batch.sequences,
      sequenceLength: status.model.contextLength, batchLimit: evaluation.batches)
    var sum = LossSum(total: 0, targetCount: 0)
    while let batch = try batches.next() { sum = sum + (try session.loss(of: batch)) }
    try checkValidation(sum)
    updateSeconds()
    let progress = status.progress
    let evaluationRecord = EvaluationRecord(
      step: progress.steps, validationLoss: sum.mean, tokens: progress.tokens,
      flops: progress.floatingPointOperations, seconds: progress.seconds,
      targets: sum.targetCount)
    status.validationLoss = sum.mean
    evaluatedStep = progress.steps
    countEvaluation(of: sum, seconds: surroundings.clock() - begin)
    try monitor?.observe(evaluationRecord)
    status.slopeDetector = monitor?.memory ?? status.slopeDetector
    try record(.evaluation(evaluationRecord))
    return evaluationRecord
  }

  /// Saves the state, unless it was saved after this very step.
  ///
  /// The log is on the disk before the checkpoint is, so that no saved step lacks its record; and
  /// nothing is saved that was learnt from data that are not what was prepared.
  public func saveCheckpoint() throws {
    guard let save = surroundings.save, savedStep != status.progress.steps else { return }
    try data.verifyReads()
    try surroundings.validation?.verifyReads()
    try surroundings.log?.synchronize()
    updateSeconds()
    let name = try save(snapshot())
    lastCheckpoint = name
    savedStep = status.progress.steps
    try record(event: .checkpoint, ["checkpoint": .text(name)])
  }

  /// Logs a record and shows it to the observer.
  func record(_ record: RunRecord) throws {
    try surroundings.log?.append(record)
    surroundings.observe(record)
  }

  /// Logs an event at the present progress.
  func record(
    event: EventRecord.Name, _ details: [String: LogValue] = [:]
  ) throws {
    updateSeconds()
    let progress = status.progress
    try record(
      .event(
        EventRecord(
          event: event, step: progress.steps, tokens: progress.tokens,
          flops: progress.floatingPointOperations, seconds: progress.seconds, details: details)))
  }

  private func countEvaluation(of sum: LossSum, seconds: Double) {
    let perToken = program.floatingPointOperations(sequenceLength: status.model.contextLength)
    var cost = status.evaluationCost ?? EvaluationCost()
    cost.floatingPointOperations += Double(sum.targetCount) * perToken.forward
    cost.seconds += seconds
    status.evaluationCost = cost
  }

  private func checkValidation(_ sum: LossSum) throws {
    guard sum.targetCount > 0 else {
      throw TrainingError(
        .emptyBatch, "the validation batches have no target to score; is the text empty?",
        subject: "validation")
    }
    try checkFinite(sum.mean, "validation loss", step: status.progress.steps)
  }

  /// Brings the wall time up to now.
  func updateSeconds() {
    status.progress.seconds = secondsBefore + surroundings.clock() - clockStart
  }

  private var resumeDetails: [String: LogValue] {
    surroundings.resumedFrom.map { ["checkpoint": .text($0)] } ?? [:]
  }

  /// The checkpoint, and what evaluations cost beside the training.
  private var endDetails: [String: LogValue] {
    var details: [String: LogValue] = [:]
    if let lastCheckpoint { details["checkpoint"] = .text(lastCheckpoint) }
    if let cost = status.evaluationCost {
      details[EventRecord.evaluationFlopsKey] = .number(cost.floatingPointOperations)
      details[EventRecord.evaluationSecondsKey] = .number(cost.seconds)
    }
    return details
  }

  private func endReason() -> TrainingOutcome.Reason? {
    updateSeconds()
    let stop = status.training.stop
    if let loss = stop.loss {
      let measured = stop.lossKind == .training ? status.trainingLoss : status.validationLoss
      if let measured, measured <= loss { return .reachedLoss }
    }
    if monitor?.isOver ?? false { return .reachedMoment }
    if stop.after?.isReached(by: status.progress) ?? false { return .finished }
    return surroundings.isInterrupted() ? .interrupted : nil
  }

  private func end(_ reason: TrainingOutcome.Reason) throws -> TrainingOutcome {
    if reason != .interrupted, hasTrained, evaluatedStep != status.progress.steps {
      try evaluate()
    }
    if hasTrained { try saveCheckpoint() }
    let event = reason == .interrupted ? reason.event : surroundings.endEvent ?? reason.event
    try record(event: event, endDetails)
    return TrainingOutcome(
      reason: reason, progress: status.progress, checkpoint: lastCheckpoint,
      validationLoss: status.validationLoss)
  }
}
