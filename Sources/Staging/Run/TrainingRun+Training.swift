// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import RunLogs
import Text
import Training

extension TrainingRun {
  /// Trains from the newest whole checkpoint, or from the beginning, until the recipe's stop
  /// conditions hold or the user interrupts; a staged run grows its model on the way.
  ///
  /// - Parameters:
  ///   - engine: what computes.
  ///   - observer: hears of everything on the way, on the calling thread.
  ///   - profiler: measures where the session's time goes; nil for no profile.
  ///   - isInterrupted: asked after every step; true ends the session with a checkpoint.
  /// - Throws: ``StagingError`` (of code `brokenGuarantee` where a growth changed the loss and should
  ///   not have), `TrainingError` (of code `nonFiniteLoss` where the loss is not finite; the last good
  ///   checkpoint stays), and the errors of files and engine.
  public func train(
    engine: some TrainingEngine,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void = { _ in },
    profiler: Profiler? = nil, isInterrupted: @escaping () -> Bool = { false }
  ) throws -> TrainingRunSummary {
    let observer = RunObserver(hear: observer, isInterrupted: isInterrupted)
    let lock = try RunLock(directory)
    return try withExtendedLifetime(lock) {
      directory.putBackHalfMoved().forEach(observer.warn)
      do {
        let session = try session(on: engine, lock, observer, profiler)
        if let profiler { profiler.peak = peak(of: engine) }
        return try session.train()
      } catch is CancellationError {
        return interruptedEarly()
      } catch var error as TextError
        where error.subject.hasPrefix(directory.data.path)
        && [.damagedShard, .invalidManifest].contains(error.code)
      {
        error.message +=
          ". These tokens are the run's own: move '\(directory.data.path)' away, and --resume makes them "
          + "again from the recipe's texts, where these are what they were"
        throw error
      }
    }
  }

  /// A session that begins where the run stands, or where the user goes back to.
  private func session(
    on engine: some TrainingEngine, _ lock: RunLock, _ observer: RunObserver,
    _ profiler: Profiler?
  ) throws -> RunSession {
    warnOfDamage(observer)
    try checkSource()
    let point = try ResumePoint(of: self)
    let dataset = try RunData(run: self, observer: observer).open()
    let start = try RunStart(of: self, at: point, on: dataset, observer)
    if start.checkpoint == nil {
      let length = try RunForecast(start.models, training: recipe.training).lengthNote()
      let notes =
        (plan?.notes ?? []) + recipe.slopeNotes(start.state.status.model)
        + [length].compactMap { $0 }
      notes.forEach(observer.note)
    }
    return try RunSession(
      of: self, from: start, on: engine, lock: lock, observer: observer, profiler: profiler)
  }

  /// Puts down what changes as a session begins that nothing speaks against any more: the place from which the
  /// run goes on, and the settings from here on.
  ///
  /// Killed on the way, the run is where it was, and the same command does the rest.
  func commit(_ point: ResumePoint, _ observer: RunObserver) throws {
    if beginsAnew { try directory.setTrainingAside() }
    if let earlierStep { try goBack(toStep: earlierStep, observer) }
    var manifest = manifest
    // The log will have another end.
    manifest.logEnd = nil
    let changes = [manifest.unloggedChange, change].compactMap { $0 }
    manifest.unloggedChange = changes.isEmpty ? nil : changes.joined(separator: ", ")
    if manifest != (try RunManifest(readingFrom: directory.manifest)) {
      try manifest.write(to: directory.manifest)
    }
    guard let item = point.item else { return }
    let store = CheckpointStore(directory.checkpoints)
    if store.isLatestTaken {
      observer.warn(
        "'\(store.latest.path(percentEncoded: false))' is no link, and stays as it is: it does not lead to the "
          + "newest checkpoint. Move it away, and it is made again")
    }
    store.pointLatest(to: item)
    guard let log = point.log else { return }
    try RunLogCheck(self).settle(log, through: item.step).forEach(observer.warn)
  }

  /// What was changed since the log last told of a change; nil for nothing.
  var unloggedChange: String? {
    get throws { try RunManifest(readingFrom: directory.manifest).unloggedChange }
  }

  /// Notes that the log tells of all changes.
  func noteChangesAreLogged() throws {
    var manifest = try RunManifest(readingFrom: directory.manifest)
    manifest.unloggedChange = nil
    try manifest.write(to: directory.manifest)
  }

  /// Keeps the last line of the log, so that the run knows where lines after it were taken out.
  ///
  /// Training is over and saved: where this fails, the log's end is not known, and nothing else.
  func keepEnd(of log: RunLogWriter, at progress: TrainingProgress) {
    guard var manifest = try? RunManifest(readingFrom: directory.manifest) else { return }
    manifest.logEnd = LoggedEnd(
      step: progress.steps, checksum: log.lastChecksum, seconds: progress.seconds)
    try? manifest.write(to: directory.manifest)
  }

  private func warnOfDamage(_ observer: RunObserver) {
    let begins = manifest.startedFrom.map { URL(filePath: $0).lastPathComponent } ?? "another"
    for checkpoint in passedOver {
      observer.warn(
        "the newer checkpoint \(checkpoint.checkpoint) is damaged "
          + "(\(checkpoint.problems.joined(separator: "; "))); the run begins with \(begins), "
          + "the newest whole one")
    }
    for problem in directory.receiptProblems {
      observer.warn("\(problem). The training does not depend on it")
    }
  }

  /// What the engine reaches at best on this machine, measured once and kept in the run.
  ///
  /// - Returns: nil where it cannot be measured, which stops no training.
  func peak(of engine: some TrainingEngine) -> Double? {
    let machine = Machine.name
    let precision = recipe.training.precision
    // Read anew, so that nothing another session wrote is lost.
    var manifest = (try? RunManifest(readingFrom: directory.manifest)) ?? self.manifest
    let known = manifest.peaks.first {
      $0.engine == engine.name && $0.machine == machine && $0.threads == threads
        && $0.precision == precision
    }
    if let known { return known.floatingPointOperationsPerSecond }
    guard let speed = try? engine.measurePeak(precision: precision), speed.isFinite, speed > 0
    else { return nil }
    manifest.peaks.append(
      .init(
        engine: engine.name, machine: machine, threads: threads, precision: precision,
        floatingPointOperationsPerSecond: speed))
    try? manifest.write(to: directory.manifest)
    return speed
  }

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
      case .finished, .reachedMoment: .finished
      case .reachedLoss: .reachedLoss
      case .interrupted: .interrupted
      }
  }
}
