// SPDX-License-Identifier: Apache-2.0
import RunLogs
import Training

extension RunStart {
  /// Where the session begins, as the run's log tells.
  var moment: RunLogMoment {
    RunLogMoment(
      step: state.status.progress.steps, growths: run.plan == nil ? nil : state.status.stage?.index,
      isBeginning: checkpoint == nil)
  }
}

extension RunSession {
  /// Logs what a killed session had saved and not told of any more: the checkpoint that this one goes on
  /// from, and the stage that begins with it.
  func completeLog() throws {
    guard let resumedFrom else { return }
    let status = start.state.status
    if log.kept.checkpointStep != status.progress.steps {
      try logEvent(.checkpoint, at: status.progress, ["checkpoint": .text(resumedFrom)])
    }
    guard let stage = status.stage, run.plan != nil, log.kept.stageStarts < stage.index,
      stage.start.steps == status.progress.steps
    else { return }
    try logEvent(.stageStarted, at: status.progress, ["checkpoint": .text(resumedFrom)])
  }

  /// The wall time so far.
  ///
  /// What the last session took to save its state is not in that state, but in
  /// what the log tells of the moment.
  func secondsSoFar(_ status: TrainingStatus) -> Double {
    guard start.checkpoint != nil, start.logTellsTime, let logged = log.kept.seconds else {
      return status.progress.seconds
    }
    return max(status.progress.seconds, logged)
  }

  /// Tells and logs which settings of the training that the run goes on with its recipe replaces.
  func noteReplaced(at progress: TrainingProgress) throws {
    observer(
      .note(
        "The recipe replaces settings of the training that the run goes on with: "
          + "\(ReplacedSetting.list(start.replaced, ReplacedSetting.sentence)). To keep one, write it "
          + "in the recipe"))
    try logEvent(
      .continued, at: progress,
      [
        "checkpoint": .text(run.manifest.startedFrom ?? ""),
        "replaced": .text(ReplacedSetting.list(start.replaced, ReplacedSetting.arrow)),
      ])
  }

  /// Logs an event of the session's own.
  func logEvent(
    _ event: EventRecord.Name, at progress: TrainingProgress, _ details: [String: LogValue]
  ) throws {
    try log.append(
      .event(
        EventRecord(
          event: event, step: progress.steps, tokens: progress.tokens,
          flops: progress.floatingPointOperations, seconds: progress.seconds, details: details)))
  }
}
