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
    /// The text that evaluations score; nil for none.
    public var validation: (any TokenSource)?
    /// The log that gets every record.
    public var log: RunLogWriter?
    /// Hears of the training, and may end it.
    public var observer: TrainingObserver
    /// Keeps states; nil saves nothing.
    public var storage: (any StateStorage)?
    /// Watches the validation losses for the moment to end; nil for none.
    public var monitor: (any LossMonitor)?
    /// What the log calls the beginning of the loop; nil for the usual names.
    public var beginEvent: EventRecord.Name?
    /// What the log calls the end of the loop where it was not interrupted; nil for the usual names.
    public var endEvent: EventRecord.Name?
    /// The name of the checkpoint that the state came from, for error messages.
    public var resumedFrom: String?
    /// Measures where the time goes; nil for no profile.
    public var profiler: Profiler?
    /// Seconds since any fixed moment.
    public var clock: () -> Double

    /// Surroundings in which nothing is logged, saved or validated.
    public init(
      validation: (any TokenSource)? = nil, log: RunLogWriter? = nil,
      observer: TrainingObserver = TrainingObserver(), storage: (any StateStorage)? = nil,
      monitor: (any LossMonitor)? = nil, beginEvent: EventRecord.Name? = nil,
      endEvent: EventRecord.Name? = nil, resumedFrom: String? = nil, profiler: Profiler? = nil,
      clock: (() -> Double)? = nil
    ) {
      self.validation = validation
      self.log = log
      self.observer = observer
      self.storage = storage
      self.monitor = monitor
      self.beginEvent = beginEvent
      self.endEvent = endEvent
      self.resumedFrom = resumedFrom
      self.profiler = profiler
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
  let engine: any TrainingEngine
  var session: any TrainingSession
  var data: any BatchSource
  let surroundings: Surroundings
  var clocks: [ParameterClock]
  /// What the model's sizes make of each parameter's steps; nil where they make nothing of them.
  let scales: [ParameterScale]?
  /// Whether this loop took a step, so that there is something to evaluate and save.
  var hasTrained = false
  /// Whether a step broke off; the engine may then hold half a gradient.
  var isBroken = false
  /// A batch whose gradient is in the engine and in order; the next step applies it.
  var prepared: PreparedStep?
  /// The batch of the last gradient.
  var lastBatch: TokenBatch?
  /// The progress before the last step that was taken.
  var progressBefore = TrainingProgress()
  /// The newest checkpoint known to be good, in the words of a message.
  var goodCheckpoint: String?
  var monitor: (any LossMonitor)?
  var savedStep: Int?
  var evaluatedStep: Int?
  /// Whether an interruption ends a step between two of its micro-batches.
  var endsWithinSteps = false
  private let secondsBefore: Double
  private let clockStart: Double

  /// Hands a state to an engine, ready for its next step; the wall time counts from here.
  ///
  /// - Parameter data: a source that stands at the state's cursor.
  /// - Throws: ``TrainingError`` for a configuration or state that is not sound; the engine's errors.
  public convenience init(
    state: TrainingState, engine: some TrainingEngine, data: some BatchSource,
    surroundings: Surroundings
  ) throws {
    try self.init(
      state: state, engine: engine, session: nil, data: data, surroundings: surroundings)
  }

  /// Makes a loop.
  ///
  /// - Parameter session: the engine's, ready with this very state; nil for a new one.
  package init(
    state: TrainingState, engine: any TrainingEngine, session made: (any TrainingSession)?,
    data: some BatchSource, surroundings: Surroundings
  ) throws {
    let training = state.status.training
    try training.validate()
    try TrainingError.check(
      training.stop.loss == nil || training.stop.lossKind == .training
        || surroundings.validation != nil, "stop.loss",
      "there is no validation text to measure the loss on; give one, or stop at the training loss")
    program = try state.validate()
    self.engine = engine
    session = try made ?? state.makeSession(on: engine)
    session.profiler = surroundings.profiler
    clocks = zip(program.parameters, state.parameters).map { ParameterClock(name: $0.name, $1) }
    scales = try training.scales(of: state.status.model)
    status = state.status
    self.data = data
    self.surroundings = surroundings
    monitor = surroundings.monitor
    lastCheckpoint = surroundings.resumedFrom
    let good = state.status.health?.goodStep
    goodCheckpoint =
      good == nil || good == state.status.progress.steps
      ? surroundings.resumedFrom.map { "'\($0)'" } : good.map { "that of step \($0)" }
    secondsBefore = state.status.progress.seconds
    clockStart = surroundings.clock()
  }

  /// Trains until a stop condition holds or the run is interrupted, saves, and says why it ended.
  ///
  /// A state that already meets its conditions is left as it is. Checkpoints on the way are saved
  /// when the loss and the gradient that follow are known to be in order, so that each of them is
  /// good; that of an interruption is saved at once.
  ///
  /// - Throws: ``TrainingError`` of code `nonFiniteLoss` or `lossSpike` where loss, gradient or
  ///   weights are out of order and the configuration says to stop, or nothing else helped; errors of
  ///   the engine, the data, the log and the saving.
  public func run() throws -> TrainingOutcome {
    let usual: EventRecord.Name = status.progress.steps == 0 ? .started : .resumed
    let begin = surroundings.beginEvent ?? usual
    try record(event: begin, beginDetails(of: begin))
    // A run that may have to go back needs a state to go back to.
    if status.training.rollsBack, status.health?.goodStep == nil {
      status.knownHealth.isSaveDue = true
    }
    endsWithinSteps = true
    defer { endsWithinSteps = false }
    do {
      return try trainToEnd()
    } catch is InterruptedStep {
      // The state is still that of the last whole step.
      return try end(.interrupted)
    }
  }

  private func trainToEnd() throws -> TrainingOutcome {
    while true {
      if let reason = endReason(), try isReady(for: reason) { return try end(reason) }
      try takeStep()
      if isCrossed(status.training.evaluation?.every) { try evaluateOrMend() }
      if isCrossed(status.training.checkpoint?.every) { status.knownHealth.isSaveDue = true }
    }
  }

  /// Whether the last step came past the next multiple of a duration.
  private func isCrossed(_ every: TrainingDuration?) -> Bool {
    every?.isCrossed(from: progressBefore, to: status.progress) ?? false
  }

  /// The state as of the last step, with copies of all tensors.
  public func snapshot() throws -> TrainingState {
    var parameters = try session.parameters()
    for (index, clock) in clocks.enumerated() { parameters[index].set(clock) }
    return TrainingState(status: status, parameters: parameters)
  }

  /// Logs a record and shows it to the observer.
  func record(_ record: RunRecord) throws {
    try surroundings.log?.append(record)
    surroundings.observer.hear(record)
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

  /// Brings the wall time up to now.
  func updateSeconds() {
    status.progress.seconds = secondsBefore + surroundings.clock() - clockStart
  }

  /// The checkpoint that the state came from, and what computes, which stays the same from stage to stage.
  private func beginDetails(of event: EventRecord.Name) -> [String: LogValue] {
    var details = event == .stageStarted ? [:] : engine.identity.details
    if let name = surroundings.resumedFrom { details["checkpoint"] = .text(name) }
    return details
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
    return surroundings.observer.isInterrupted() ? .interrupted : nil
  }

  private func end(_ reason: TrainingOutcome.Reason) throws -> TrainingOutcome {
    if hasTrained { try saveCheckpoint() }
    let event = reason == .interrupted ? reason.event : surroundings.endEvent ?? reason.event
    try record(event: event, endDetails)
    return TrainingOutcome(
      reason: reason, progress: status.progress, checkpoint: lastCheckpoint,
      validationLoss: status.validationLoss)
  }
}

extension TrainingState {
  /// Hands the state's parameters to an engine, ready for training.
  ///
  /// - Throws: ``TrainingError`` for a state that is not sound; the engine's errors.
  package func makeSession(on engine: any TrainingEngine) throws -> any TrainingSession {
    try engine.makeSession(
      for: validate(), parameters: parameters, precision: status.training.precision)
  }
}
