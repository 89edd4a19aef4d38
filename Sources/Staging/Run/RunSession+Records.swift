// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Training

// What the session hears of its loops, and logs of its own.

extension RunStart {
  /// Where the session begins, as the run's log tells.
  var moment: RunLogMoment {
    RunLogMoment(
      step: state.status.progress.steps, growths: state.status.stage?.index,
      isBeginning: checkpoint == nil)
  }
}

extension RunSession {
  /// Tells the run's observer of a loop's record.
  func hear(_ record: RunRecord) {
    switch record {
    case .step(let step):
      noteStandstill(before: step)
      lastStep = step
      observer.hear(.step(step, meter?.advance(with: step)))
    case .evaluation(let evaluation):
      observer.hear(.evaluation(evaluation))
    case .event(let event): hear(event)
    }
  }

  private func hear(_ event: EventRecord) {
    switch event.event {
    case .checkpoint:
      guard case .text(let name)? = event.details["checkpoint"] else { return }
      observer.hear(.saved(run.directory.url.appending(path: name), step: event.step))
    case .batchSkipped:
      observer.note("\(event.trouble); the batch is left out")
    case .rolledBack:
      meter?.restart(at: event)
      observer.note(
        "\(event.trouble); back to step \(event.step), and the batches since are left out")
    default: break
    }
  }

  /// Logs what a killed session had saved and not told of any more: the checkpoint that this one goes on
  /// from, and the stage that begins with it.
  func completeLog() throws {
    guard let resumedFrom else { return }
    var status = start.state.status
    status.progress.seconds = secondsSoFar(status)
    if log.kept.checkpointStep != status.progress.steps {
      try logEvent(.checkpoint, at: status.progress, ["checkpoint": .text(resumedFrom)])
    }
    guard let stage = status.stage, log.kept.stageStarts < stage.index,
      stage.start.steps == status.progress.steps
    else { return }
    try logEvent(.stageStarted, at: status.progress, ["checkpoint": .text(resumedFrom)])
  }

  /// The wall time so far.
  ///
  /// What the last session took to save its state is not in that state, but in
  /// what the log tells of the moment.
  func secondsSoFar(_ status: TrainingStatus) -> Double {
    let seconds = status.progress.seconds
    guard start.checkpoint != nil else { return seconds }
    // As the run itself keeps it, where the log has lost the line.
    let end = run.manifest.logEnd.flatMap { $0.step == status.progress.steps ? $0.seconds : nil }
    let logged = start.logTellsTime ? log.kept.seconds : nil
    return max(seconds, logged ?? seconds, end ?? seconds)
  }

  /// Tells and logs which settings of the training that the run goes on with its recipe replaces, and what the
  /// user has changed for this session.
  func logChanges(at progress: TrainingProgress) throws {
    if let before = log.kept.engine, before != engine.identity {
      observer.note(
        "The run goes on with the engine \(engine.identity); until here it was \(before), so that its "
          + "numbers from here on are not those of an unbroken run to the last bit")
    }
    if !start.replaced.isEmpty {
      observer.note(
        "The recipe replaces settings of the training that the run goes on with: "
          + "\(ReplacedSetting.list(start.replaced, ReplacedSetting.sentence)). To keep one, write it "
          + "in the recipe")
      try logEvent(
        .continued, at: progress,
        [
          "checkpoint": .text(run.manifest.startedFrom ?? ""),
          "replaced": .text(ReplacedSetting.list(start.replaced, ReplacedSetting.arrow)),
        ])
    }
    guard let change = try run.unloggedChange else { return }
    try logEvent(.changed, at: progress, ["overrides": .text(change)])
    try log.synchronize()
    try run.noteChangesAreLogged()
  }

  /// Logs a growth.
  ///
  /// What an earlier session that came as far had logged of it was cut when this one
  /// opened the log.
  func logGrowth(_ growth: StageGrowth, at progress: TrainingProgress) throws {
    try log.append(.event(growth.event(at: progress)))
    if let proof = growth.proof(at: progress) { try log.append(.event(proof)) }
    try log.synchronize()
  }

  private func logEvent(
    _ event: EventRecord.Name, at progress: TrainingProgress, _ details: [String: LogValue]
  ) throws {
    try log.append(
      .event(
        EventRecord(
          event: event, step: progress.steps, tokens: progress.tokens,
          flops: progress.floatingPointOperations, seconds: progress.seconds, details: details)))
  }
}
