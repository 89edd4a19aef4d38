// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Growth
import RunLogs
import Text
import Training

/// One session of a run: trains stage after stage from where the run stands.
///
/// A run of one model is a run of one stage.
final class RunSession {
  let run: TrainingRun
  let start: RunStart
  let observer: RunObserver
  let log: RunLogWriter
  let engine: any TrainingEngine
  private let store: CheckpointStore
  private let tokenizer: Data
  private let validation: TokenSplit?
  private let lock: RunLock
  private let profiler: Profiler?
  /// The checkpoint that the present loop goes on from, as the log names it.
  private(set) var resumedFrom: String?
  /// Turns steps into what people watch; nil before the first loop.
  var meter: ProgressMeter?
  /// The last step of this session.
  var lastStep: StepRecord?
  /// The engine's session of the state that this one begins with, until its loop takes it.
  private var firstSession: (any TrainingSession)?
  private var hasGrown = false
  /// Whether a checkpoint was read to go on from, and nothing saved since.
  private var hasGoneBack = false
  /// Readies the next stage; nil where there is none, or the engine needs no time for it.
  private var ahead: StageAhead?
  /// The growth since the last step, and how many seconds it took; nil for none.
  private var growthSeconds: Double?
  /// Stages, from 1, whose model took no step.
  private var skippedStages: [Int] = []

  init(
    of run: TrainingRun, from start: RunStart, on engine: any TrainingEngine, lock: RunLock,
    observer: RunObserver, profiler: Profiler?
  ) throws {
    self.run = run
    self.start = start
    self.engine = engine
    self.lock = lock
    self.observer = observer
    self.profiler = profiler
    validation = try start.validation(observer)
    if start.checkpoint != nil { try run.checkGoesOn(start.state.status) }
    store = CheckpointStore(run.directory.checkpoints)
    tokenizer = try start.dataset.tokenizerData()
    resumedFrom = start.checkpoint.map { Self.checkpointPath($0.url.lastPathComponent) }
    // All that may refuse to go on comes before the first change.
    try start.check(run, on: engine)
    firstSession = try start.state.makeSession(on: engine)
    try run.commit(start.point, observer)
    log = try RunLogWriter(
      path: run.directory.log.path, goingOnAt: start.moment,
      after: start.point.keepsLines ? run.manifest.logEnd : nil)
    try completeLog()
  }

  /// Trains until the run is over or interrupted.
  func train() throws -> TrainingRunSummary {
    var state = start.state
    state.status.progress.seconds = secondsSoFar(state.status)
    try logChanges(at: state.status.progress)
    defer { ahead?.finish() }
    while true {
      let stage = try StageConditions(
        start.models, training: run.recipe.training, status: state.status)
      state.status.training.stop = stage.stop
      try announce(state.status, stage)
      try prepareNextStage(after: state, stage)
      let loop = try makeLoop(state, stage)
      let outcome = try loop.run()
      noteCourse(of: state.status, stage, outcome)
      guard stage.isFollowed(after: outcome) else {
        run.keepEnd(of: log, at: outcome.progress)
        return try summary(outcome, loop.status, stage)
      }
      state = try profiler.during(.growth) { try grow(try loop.snapshot()) }
      hasGrown = true
    }
  }

  private func makeLoop(_ state: TrainingState, _ stage: StageConditions) throws -> TrainingLoop {
    defer { firstSession = nil }
    return try TrainingLoop(
      state: state, engine: engine, session: firstSession,
      data: BatchStream(start.dataset.train, at: state.status.cursor),
      surroundings: TrainingLoop.Surroundings(
        validation: validation, log: log,
        observer: TrainingObserver(
          hear: { [unowned self] in hear($0) }, isInterrupted: observer.isInterrupted),
        storage: self, monitor: stage.monitor, beginEvent: beginEvent,
        endEvent: stage.isLast ? nil : .stageEnded, resumedFrom: resumedFrom,
        profiler: profiler))
  }

  /// Lets the engine ready the next stage's model while this one trains.
  private func prepareNextStage(after state: TrainingState, _ stage: StageConditions) throws {
    guard engine.preparesAhead, !stage.isLast else { return }
    ahead?.finish()
    ahead = StageAhead(try grower(state.status), from: state)
  }

  private func grower(_ status: TrainingStatus) throws -> StageGrower {
    StageGrower(
      models: start.models, training: run.recipe.training, engine: engine,
      batches: try proofBatches(status))
  }

  /// Tells how long training stood still for a growth, with the first step after it.
  func noteStandstill(before step: StepRecord) {
    guard let growing = growthSeconds, let last = lastStep else { return }
    growthSeconds = nil
    guard engine.preparesAhead else { return }
    func text(_ seconds: Double) -> String { "\((seconds * 10).rounded() / 10) s" }
    observer.note(
      "The first step of the grown model came \(text(step.seconds - last.seconds)) after the small one's "
        + "last: \(text(growing)) to grow, prove and save it, the rest for the step itself and whatever "
        + "was not compiled ahead")
  }

  /// What the log calls the beginning of a loop; nil for the run's own.
  private var beginEvent: EventRecord.Name? {
    if hasGrown { return .stageStarted }
    return start.checkpoint == nil ? nil : .resumed
  }

  /// A checkpoint's path in its run, as the log names it.
  private static func checkpointPath(_ name: String) -> String { "checkpoints/\(name)" }
}

extension RunSession: StateStorage {
  func save(_ state: TrainingState) throws -> String {
    try lock.checkIsInPlace()
    let name = try store.save(
      state, keep: run.recipe.training.checkpoint?.keep, configuration: start.configuration,
      tokenizer: tokenizer)
    if hasGoneBack {
      // Later ones are of the course that the run has left.
      try store.removeLater(than: state.status.progress.steps)
      hasGoneBack = false
    }
    return Self.checkpointPath(name)
  }

  func restore(step: Int) throws -> TrainingState? {
    hasGoneBack = true
    return try TrainingState(reading: store.url(step: step))
  }
}

// Growing.
extension RunSession {
  /// Grows the state, proves the growth, and saves both the small model and the grown one.
  ///
  /// Everything follows from the small model's checkpoint, so a session that ends in the middle of it
  /// is repeated by the next one, with the same result.
  private func grow(_ state: TrainingState) throws -> TrainingState {
    try lock.checkIsInPlace()
    let index = state.status.stage?.index ?? 0
    let begin = ContinuousClock.now
    observer.hear(
      .growing(
        from: state.status.model, to: start.models.models[index + 1],
        step: state.status.progress.steps))
    let kept = run.directory.stage(index + 1)
    try state.write(to: kept, configuration: start.configuration, tokenizer: tokenizer)
    let hash = try FileDigest(of: kept.appending(path: Manifest.fileName)).sha256
    var (grown, record, receipt) = try grower(state.status)
      .grown(state, source: ("stages/\(kept.lastPathComponent)", hash))
    try keep(receipt, ofGrowth: index + 1)
    grown.status.training = run.recipe.training
    // Its loss was just proven, and no earlier checkpoint holds this model.
    grown.status.markGood()
    // What growing takes is part of what the run takes.
    grown.status.progress.seconds += (ContinuousClock.now - begin) / .seconds(1)
    try logGrowth(record, at: state.status.progress)
    resumedFrom = try save(grown)
    growthSeconds = (ContinuousClock.now - begin) / .seconds(1)
    observer.hear(.grown(record))
    noteEndlessRise(of: grown.status)
    return grown
  }

  /// Tells of a rate that is not whole again before the run ends, where only the training told when the
  /// growth comes.
  private func noteEndlessRise(of status: TrainingStatus) {
    let training = run.recipe.training
    guard let end = training.runEnd(at: status),
      let rise = try? training.unreachedRise(from: status, endingAt: end)
    else { return }
    observer.note(
      "The learning rate rises again \(rise.text("the run ends")): it is not whole before. To train on, "
        + "resume with --set \"stop.after=…\" and a greater length")
  }

  /// Keeps what was done to the last state of a stage, whole or not at all.
  private func keep(_ receipt: GrowthReceipt, ofGrowth number: Int) throws {
    let data = try receipt.encoded()
    try CheckpointDirectory.write(to: run.directory.growth(number)) {
      try $0.write(data, to: GrowthReceipt.fileName)
    }
  }

  /// Held-out batches from all over the text, or those that come next where there is none to validate
  /// on.
  private func proofBatches(_ status: TrainingStatus) throws -> [TokenBatch] {
    let count = status.training.batch.sequences
    let length = status.model.contextLength
    guard let validation else {
      var stream = try BatchStream(start.dataset.train, at: status.cursor)
      return [try stream.next(sequenceCount: count, sequenceLength: length)]
    }
    var batches = try EvaluationBatches(
      validation, sequenceCount: count, sequenceLength: length, windowLimit: 4 * count)
    var result: [TokenBatch] = []
    while let batch = try batches.next() { result.append(batch) }
    return result
  }
}

// What the user hears.
extension RunSession {
  /// Tells the observer what is about to be trained.
  private func announce(_ status: TrainingStatus, _ stage: StageConditions) throws {
    let length = stage.runEnd ?? stage.stop.after
    let peak = run.peak(of: engine)
    let counts = try status.model.parameterCount()
    let perToken = try status.model.floatingPointOperations(
      sequenceLength: status.model.contextLength)
    observer.hear(
      .ready(
        TrainingRunOutline(
          engine: engine.name, precision: status.training.precision,
          parameterCount: counts.total,
          parameterCountWithoutEmbeddings: counts.withoutEmbeddings,
          trainingFLOPsPerToken: perToken.training,
          trainingTokens: start.dataset.train.tokenCount,
          validationTokens: start.dataset.validation?.tokenCount ?? 0,
          step: status.progress.steps, resumedFrom: meter == nil ? start.checkpoint?.url : nil,
          stage: status.stage.map { $0.index + 1 },
          stageCount: status.stage.map { _ in start.models.stages.count },
          stageEnd: stage.stop.after == length ? nil : stage.stop.after,
          length: length, peak: peak)))
    meter = ProgressMeter(start: status.progress, length: length, peak: peak)
  }

  /// Tells of a stage that ends otherwise than was meant.
  ///
  /// - Parameter status: where it began.
  private func noteCourse(
    of status: TrainingStatus, _ stage: StageConditions, _ outcome: TrainingOutcome
  ) {
    guard outcome.reason != .interrupted else { return }
    noteSkipping(of: status, outcome, isLast: stage.isLast)
    if stage.isFollowed(after: outcome) {
      guard stage.isLate(outcome) else { return }
      observer.note(
        "Stage \(stage.number) ends at its latest moment, step \(outcome.progress.steps): what it "
          + "waits for (until) has not come before")
    } else if !stage.isLast {
      observer.note(
        "The run is over, but this stage's moment to grow never came; the model is small")
    }
  }

  /// Tells of a stage, or of a whole session, that had nothing left to do.
  private func noteSkipping(of status: TrainingStatus, _ outcome: TrainingOutcome, isLast: Bool) {
    let steps = outcome.progress.steps
    guard steps == status.progress.steps else { return }
    guard let stage = status.stage, hasGrown else {
      if start.checkpoint != nil, isLast {
        observer.note(
          "The run came to its end before, at step \(steps); nothing was trained. To train on, resume "
            + "with --set \"stop.after=…\" and a greater length")
      }
      return
    }
    guard stage.start.steps == steps else { return }
    skippedStages.append(stage.index + 1)
    observer.note(
      isLast
        ? "The run is over as its last stage begins, at step \(steps): the grown model takes no step"
        : "Stage \(stage.index + 1) is skipped: its end has come as it begins, at step \(steps), and "
          + "its model takes no step")
  }

  private func summary(
    _ outcome: TrainingOutcome, _ status: TrainingStatus, _ stage: StageConditions
  ) throws -> TrainingRunSummary {
    let (progress, directory) = (outcome.progress, run.directory)
    // What this session did not measure, the log knows of an earlier one.
    var history = RunHistory()
    if lastStep == nil || outcome.validationLoss == nil { try history.read(directory.log) }
    let passedOver = run.passedOver + start.passedOver
    var summary = TrainingRunSummary(
      outcome: .init(outcome.reason), run: directory.path,
      checkpoint: outcome.checkpoint.map {
        directory.url.appending(path: $0).path(percentEncoded: false)
      },
      steps: progress.steps, tokens: progress.tokens, flops: progress.floatingPointOperations,
      seconds: progress.seconds, loss: lastStep?.loss ?? history.losses.last?.loss,
      validationLoss: outcome.validationLoss ?? history.validationLosses.last?.loss,
      evaluation: status.evaluationCost, skippedStages: skippedStages.isEmpty ? nil : skippedStages,
      passedOver: passedOver.isEmpty ? nil : passedOver)
    if !stage.isLast, outcome.reason != .interrupted { summary.outcome = .endedSmall }
    summary.stage = status.stage.map { $0.index + 1 }
    summary.stageCount = status.stage.map { _ in start.models.stages.count }
    if let health = status.health {
      summary.skippedBatches = health.skippedBatches > 0 ? health.skippedBatches : nil
      summary.rollbacks = health.rollbacks > 0 ? health.rollbacks : nil
    }
    return summary
  }
}
