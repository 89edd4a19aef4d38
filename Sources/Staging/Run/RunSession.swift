// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Growth
import RunLogs
import Text
import Training

/// One session of a run: trains stage after stage from where the run stands.
final class RunSession {
  let run: TrainingRun
  let start: RunStart
  let engine: any TrainingEngine
  let observer: @Sendable (TrainingRunEvent) -> Void
  let log: RunLogWriter
  let store: CheckpointStore
  let tokenizer: Data
  private let isInterrupted: () -> Bool
  private let validation: TokenSplit?
  private let lock: RunLock
  private var watcher: RunWatcher?
  private(set) var resumedFrom: String?
  private var grewNow = false
  /// Whether a checkpoint was read to go on from, and nothing saved since.
  private var hasGoneBack = false
  /// Stages, from 1, whose model took no step.
  private var skippedStages: [Int] = []

  init(
    run: TrainingRun, start: RunStart, engine: any TrainingEngine, lock: RunLock,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void,
    isInterrupted: @escaping () -> Bool
  ) throws {
    self.run = run
    self.start = start
    self.engine = engine
    self.lock = lock
    self.observer = observer
    self.isInterrupted = isInterrupted
    validation = try start.validation()
    if start.checkpoint != nil { try run.checkGoesOn(start.state.status) }
    log = try RunLogWriter(path: run.directory.log.path, goingOnAt: start.moment)
    store = CheckpointStore(run.directory.checkpoints)
    tokenizer = try start.dataset.tokenizerData()
    resumedFrom = start.checkpoint.map { Self.checkpointPath($0.url.lastPathComponent) }
    try completeLog()
  }

  /// Trains until the run is over or interrupted.
  func train() throws -> TrainingRunSummary {
    var state = start.state
    state.status.progress.seconds = secondsSoFar(state.status)
    try noteChanges(at: state.status.progress)
    let staged = try stagedModels()
    try checkMemory(staged)
    while true {
      let conditions = try staged.map {
        try StageConditions($0, training: run.recipe.training, status: state.status)
      }
      if let conditions { state.status.training.stop = conditions.stop }
      try announce(state.status, staged, runEnd: conditions?.runEnd)
      let isLast = staged.map { $0.stages.count == (state.status.stage?.index ?? 0) + 1 } ?? true
      let loop = try makeLoop(state, conditions, isLast: isLast)
      let outcome = try loop.run()
      if outcome.reason != .interrupted { noteSkipping(of: state.status, outcome, isLast: isLast) }
      if !isLast, let staged, let conditions, conditions.isStageOver(outcome) {
        if conditions.isLate(outcome) { noteLateness(of: state.status, outcome) }
        state = try grow(try loop.snapshot(), staged)
        grewNow = true
        continue
      }
      let isSmall = !isLast && outcome.reason != .interrupted
      if isSmall {
        observer(
          .note("The run is over, but this stage's moment to grow never came; the model is small"))
      }
      var summary = try self.summary(outcome, loop.status)
      if isSmall { summary.outcome = .endedSmall }
      summary.stage = state.status.stage.map { $0.index + 1 }
      summary.stageCount = staged?.stages.count
      return summary
    }
  }

  /// Checks that each model to come fits into memory, before hours go into the small ones.
  private func checkMemory(_ staged: StagedModels?) throws {
    let status = start.state.status
    let models = staged.map { Array($0.models.dropFirst(status.stage?.index ?? 0)) }
    for model in models ?? [status.model] {
      try TrainingMemory.check(
        model, run.recipe.training, on: engine, subject: "\(run.recipeFile.name): model")
    }
  }

  /// A stage that waits for a slope or a loss ends at its latest moment.
  private func noteLateness(of status: TrainingStatus, _ outcome: TrainingOutcome) {
    observer(
      .note(
        "Stage \((status.stage?.index ?? 0) + 1) ends at its latest moment, step "
          + "\(outcome.progress.steps): what it waits for (until) has not come before"))
  }

  /// Tells of a stage, or of a whole session, that had nothing left to do.
  private func noteSkipping(of status: TrainingStatus, _ outcome: TrainingOutcome, isLast: Bool) {
    guard outcome.progress.steps == status.progress.steps else { return }
    guard let stage = status.stage, grewNow else {
      if start.checkpoint != nil, isLast {
        observer(
          .note(
            "The run came to its end before, at step \(outcome.progress.steps); nothing was trained. To "
              + "train on, resume with --set \"stop.after=…\" and a greater length"))
      }
      return
    }
    guard stage.start.steps == outcome.progress.steps else { return }
    skippedStages.append(stage.index + 1)
    observer(
      .note(
        isLast
          ? "The run is over as its last stage begins, at step \(outcome.progress.steps): the grown "
            + "model takes no step"
          : "Stage \(stage.index + 1) is skipped: its end has come as it begins, at step "
            + "\(outcome.progress.steps), and its model takes no step"))
  }

  private func makeLoop(
    _ state: TrainingState, _ conditions: StageConditions?, isLast: Bool
  ) throws -> TrainingLoop {
    let keep = run.recipe.training.checkpoint?.keep
    return try TrainingLoop(
      state: state, engine: engine, data: BatchStream(start.dataset.train, at: state.status.cursor),
      surroundings: TrainingLoop.Surroundings(
        validation: validation, log: log, observe: { [watcher] in watcher?.hear($0) },
        save: { [self] in try save($0, keep: keep) },
        restore: { [self] step in
          hasGoneBack = true
          return try TrainingState(reading: store.url(step: step))
        }, monitor: conditions?.monitor, beginEvent: beginEvent,
        endEvent: isLast ? nil : .stageEnded,
        resumedFrom: resumedFrom, isInterrupted: isInterrupted))
  }

  /// What the log calls the beginning of a loop; nil for the run's own.
  private var beginEvent: EventRecord.Name? {
    if grewNow { return .stageStarted }
    return start.checkpoint == nil ? nil : .resumed
  }

  private func save(_ state: TrainingState, keep: Int?) throws -> String {
    try lock.checkIsInPlace()
    let name = try store.save(
      state, keep: keep, configuration: start.configuration, tokenizer: tokenizer)
    if hasGoneBack {
      // Later ones are of the course that the run has left.
      try store.removeLater(than: state.status.progress.steps)
      hasGoneBack = false
    }
    return Self.checkpointPath(name)
  }

  private func stagedModels() throws -> StagedModels? {
    guard !run.recipe.stages.isEmpty, let model = run.recipe.model else { return nil }
    return try StagedModels(
      run.recipe.stages,
      target: try model.configuration(
        tokenizerVocabularySize: start.dataset.manifest.vocabularySize))
  }

  /// Grows the state, proves the growth, and saves both the small model and the grown one.
  ///
  /// Everything follows from the small model's checkpoint, so a session that ends in the middle of it
  /// is repeated by the next one, with the same result.
  private func grow(_ state: TrainingState, _ staged: StagedModels) throws -> TrainingState {
    try lock.checkIsInPlace()
    let index = state.status.stage?.index ?? 0
    let step = state.status.progress.steps
    let begin = ContinuousClock.now
    observer(.growing(from: state.status.model, to: staged.models[index + 1], step: step))
    let kept = run.directory.stage(index + 1)
    let name = kept.lastPathComponent
    try state.write(to: kept, configuration: start.configuration, tokenizer: tokenizer)
    let hash = try FileDigest(of: kept.appending(path: Manifest.fileName)).sha256
    var (grown, record, receipt) = try StageGrower(
      staged: staged, training: run.recipe.training, engine: engine,
      batches: try proofBatches(state.status)
    ).grown(state, source: ("stages/\(name)", hash))
    try keep(receipt, ofGrowth: index + 1)
    grown.status.training = run.recipe.training
    // Its loss was just proven, and no earlier checkpoint holds this model.
    grown.status.markGood()
    // What growing takes is part of what the run takes.
    grown.status.progress.seconds += (ContinuousClock.now - begin) / .seconds(1)
    try logGrowth(record, at: state.status.progress)
    resumedFrom = Self.checkpointPath(
      try store.save(
        grown, keep: run.recipe.training.checkpoint?.keep, configuration: start.configuration,
        tokenizer: tokenizer))
    observer(.grown(record))
    return grown
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

  /// Logs a growth.
  ///
  /// What an earlier session that came as far had logged of it was cut when this one
  /// opened the log.
  private func logGrowth(_ growth: StageGrowth, at progress: TrainingProgress) throws {
    try log.append(.event(growth.event(at: progress)))
    if let proof = growth.proof(at: progress) { try log.append(.event(proof)) }
    try log.synchronize()
  }

  /// A checkpoint's path in its run, as the log names it.
  private static func checkpointPath(_ name: String) -> String { "checkpoints/\(name)" }
}

extension RunSession {
  /// Tells the observer what is about to be trained.
  ///
  /// - Parameter runEnd: the end of a run of stages, of which the present one may end before.
  private func announce(
    _ status: TrainingStatus, _ staged: StagedModels?, runEnd: TrainingDuration?
  ) throws {
    let length = runEnd ?? status.training.stop.after
    let peak = run.peak(of: engine)
    let counts = try status.model.parameterCount()
    let perToken = try status.model.floatingPointOperations(
      sequenceLength: status.model.contextLength)
    observer(
      .ready(
        TrainingRunOutline(
          engine: engine.name, precision: status.training.precision,
          parameterCount: counts.total,
          parameterCountWithoutEmbeddings: counts.withoutEmbeddings,
          trainingFLOPsPerToken: perToken.training,
          trainingTokens: start.dataset.train.tokenCount,
          validationTokens: start.dataset.validation?.tokenCount ?? 0,
          step: status.progress.steps,
          resumedFrom: watcher == nil ? start.checkpoint?.url : nil,
          stage: status.stage.map { $0.index + 1 }, stageCount: staged?.stages.count,
          stageEnd: status.training.stop.after == length ? nil : status.training.stop.after,
          length: length, peak: peak)))
    watcher = RunWatcher(
      directory: run.directory,
      meter: ProgressMeter(
        start: status.progress, length: length, peak: peak),
      lastStep: watcher?.lastStep, observer: observer)
  }

  private func noteChanges(at progress: TrainingProgress) throws {
    if !start.replaced.isEmpty { try noteReplaced(at: progress) }
    guard let change = run.change else { return }
    try logEvent(.changed, at: progress, ["overrides": .text(change)])
  }

  private func summary(
    _ outcome: TrainingOutcome, _ status: TrainingStatus
  ) throws -> TrainingRunSummary {
    let (progress, directory) = (outcome.progress, run.directory)
    // What this session did not measure, the log knows of an earlier one.
    var history = RunHistory()
    if watcher?.lastStep == nil || outcome.validationLoss == nil {
      try history.read(directory.log)
    }
    var summary = TrainingRunSummary(
      outcome: .init(outcome.reason), run: directory.path,
      checkpoint: outcome.checkpoint.map {
        directory.url.appending(path: $0).path(percentEncoded: false)
      },
      steps: progress.steps, tokens: progress.tokens, flops: progress.floatingPointOperations,
      seconds: progress.seconds, loss: watcher?.lastStep?.loss ?? history.losses.last?.loss,
      validationLoss: outcome.validationLoss ?? history.validationLosses.last?.loss,
      evaluation: status.evaluationCost, skippedStages: skippedStages.isEmpty ? nil : skippedStages,
      passedOver: passedOver.isEmpty ? nil : passedOver)
    if let health = status.health {
      summary.skippedBatches = health.skippedBatches > 0 ? health.skippedBatches : nil
      summary.rollbacks = health.rollbacks > 0 ? health.rollbacks : nil
    }
    return summary
  }

  /// Damaged checkpoints that this session passed over, or the run's beginning did.
  private var passedOver: [PassedOverCheckpoint] { run.passedOver + start.passedOver }
}
