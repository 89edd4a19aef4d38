// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import RunLogs
import Text
import Training

extension TrainingRun {
  /// Trains from the newest whole checkpoint, or from the beginning, until the recipe's stop
  /// conditions hold or the user interrupts.
  ///
  /// - Parameters:
  ///   - engine: what computes.
  ///   - observer: hears of everything on the way, on the calling thread.
  ///   - isInterrupted: asked after every step; true ends the session with a checkpoint.
  /// - Throws: ``StagingError``, `TrainingError` (of code `nonFiniteLoss` where the loss is not
  ///   finite; the last good checkpoint stays), and the errors of files and engine.
  public func train(
    engine: some TrainingEngine,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void = { _ in },
    isInterrupted: @escaping () -> Bool = { false }
  ) throws -> TrainingRunSummary {
    let lock = try RunLock(directory)
    return try withExtendedLifetime(lock) {
      do {
        let dataset = try RunData(run: self, observer: observer, isInterrupted: isInterrupted)
          .open()
        return try train(
          on: dataset, engine: engine, observer: observer, isInterrupted: isInterrupted)
      } catch is CancellationError {
        return interruptedEarly()
      }
    }
  }

  private func train(
    on dataset: TokenDataset, engine: some TrainingEngine,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void,
    isInterrupted: @escaping () -> Bool
  ) throws -> TrainingRunSummary {
    let start = try RunStart(run: self, dataset: dataset, observer: observer)
    let validation = try start.validation()
    let log = try RunLogWriter(
      path: directory.log.path, keepingSteps: start.state.status.progress.steps)
    try noteChange(in: log, at: start.state.status.progress)
    let watcher = try announce(start, engine: engine, observer: observer)
    let store = CheckpointStore(directory.checkpoints)
    let tokenizer = try Data(contentsOf: dataset.tokenizerURL)
    let loop = try TrainingLoop(
      state: start.state, engine: engine, data: try start.makeBatches(),
      surroundings: TrainingLoop.Surroundings(
        validation: validation, log: log, observe: watcher.hear,
        save: { state in
          let name = try store.save(
            state, keep: recipe.training.checkpoint?.keep, configuration: start.configuration,
            tokenizer: tokenizer)
          return Self.checkpointPath(name)
        }, resumedFrom: start.checkpoint.map { Self.checkpointPath($0.url.lastPathComponent) },
        isInterrupted: isInterrupted))
    let outcome = try loop.run()
    return try summary(
      .init(outcome.reason), at: outcome.progress, checkpoint: outcome.checkpoint,
      lastStep: watcher.lastStep, validationLoss: outcome.validationLoss)
  }

  /// Tells the observer what is about to be trained.
  private func announce(
    _ start: RunStart, engine: some TrainingEngine,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void
  ) throws -> RunWatcher {
    let status = start.state.status
    let peak = peak(of: engine)
    let counts = try status.model.parameterCount()
    observer(
      .ready(
        TrainingRunOutline(
          engine: engine.name, precision: status.training.precision,
          parameterCount: counts.total,
          parameterCountWithoutEmbeddings: counts.withoutEmbeddings,
          trainingFLOPsPerToken: start.operationsPerToken(status.model.contextLength),
          trainingTokens: start.dataset.train.tokenCount,
          validationTokens: start.dataset.validation?.tokenCount ?? 0,
          step: status.progress.steps, resumedFrom: start.checkpoint?.url,
          length: status.training.stop.after, peak: peak)))
    return RunWatcher(
      directory: directory,
      meter: ProgressMeter(
        start: status.progress, length: status.training.stop.after, peak: peak),
      observer: observer)
  }

  private func noteChange(in log: RunLogWriter, at progress: TrainingProgress) throws {
    guard let change else { return }
    try log.append(
      .event(
        EventRecord(
          event: "changed", step: progress.steps, tokens: progress.tokens,
          flops: progress.floatingPointOperations, seconds: progress.seconds,
          details: ["overrides": .text(change)])))
  }

  private func summary(
    _ outcome: TrainingRunSummary.Outcome, at progress: TrainingProgress, checkpoint: String?,
    lastStep: StepRecord?, validationLoss: Double?
  ) throws -> TrainingRunSummary {
    // What this session did not measure, the log knows of an earlier one.
    var history = RunHistory()
    if lastStep == nil || validationLoss == nil { try history.read(directory.log) }
    return TrainingRunSummary(
      outcome: outcome, run: directory.path,
      checkpoint: checkpoint.map { directory.url.appending(path: $0).path(percentEncoded: false) },
      steps: progress.steps, tokens: progress.tokens, flops: progress.floatingPointOperations,
      seconds: progress.seconds, loss: lastStep?.loss ?? history.losses.last?.loss,
      validationLoss: validationLoss ?? history.validationLosses.last?.loss)
  }

  /// A checkpoint's path in its run, as the log names it.
  private static func checkpointPath(_ name: String) -> String { "checkpoints/\(name)" }

  private func interruptedEarly() -> TrainingRunSummary {
    TrainingRunSummary(
      outcome: .interrupted, run: directory.path, checkpoint: nil, steps: 0, tokens: 0, flops: 0,
      seconds: 0, loss: nil, validationLoss: nil)
  }
}

extension TrainingRunSummary.Outcome {
  init(_ reason: TrainingOutcome.Reason) {
    self =
      switch reason {
      case .finished: .finished
      case .reachedLoss: .reachedLoss
      case .interrupted: .interrupted
      }
  }
}
