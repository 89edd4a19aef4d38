// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import RunLogs
import Training
import Wording

/// Compares what a run's log tells with the checkpoints that are there, before a session cuts the log
/// to where it goes on.
struct RunLogCheck {
  private let run: TrainingRun
  private var directory: RunDirectory { run.directory }
  /// Steps that were taken before the run's first; nil where an older run does not say.
  private var begin: Int? { run.manifest.stepsBefore }

  init(_ run: TrainingRun) { self.run = run }

  /// What a log was found to be.
  struct Finding {
    /// How it is not whole; nothing where it is.
    var irregularities: [RunLogAudit.Irregularity] = []
    /// Why it cannot be believed, in one line; nil where it can.
    var doubt: String?
    /// The step of the last checkpoint that it tells of, where that is gone.
    var lostCheckpoint: Int?
    /// Whether what it says of times can be believed.
    var tellsTime = true
  }

  /// Checks that a run without a whole checkpoint never had one; only then it may begin anew.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` that names what the run can go on from.
  func checkNothingIsLost(_ damaged: [CheckpointStore.Damaged]) throws {
    let path = directory.log.path(percentEncoded: false)
    let saved = try damaged.isEmpty ? RunLogAudit(path: path, begin: begin).lastCheckpoint : nil
    let problem: String
    if let first = damaged.first {
      problem = "every checkpoint is damaged (\(first))"
    } else if let saved {
      problem =
        "there is no checkpoint, but the log tells of one that was saved at step \(saved.step)"
    } else {
      return
    }
    throw StagingError(
      .runUnavailable,
      "\(problem). Put a whole one back\(stageRemedy); or begin anew with --resume --from-beginning, "
        + "which moves what is left aside",
      subject: directory.checkpoints.path(percentEncoded: false))
  }

  /// How to go on from the last state of a stage that was grown.
  private var stageRemedy: String {
    guard let stage = directory.newestWholeStage else { return "" }
    let target = CheckpointStore(directory.checkpoints).url(step: stage.step)
    func quoted(_ url: URL) -> String {
      let path = url.path(percentEncoded: false)
      return "'\(path.hasSuffix("/") ? String(path.dropLast()) : path)'"
    }
    // Where a damaged one is in the way, cp would copy into it.
    let isInTheWay = FileManager.default.fileExists(atPath: target.path(percentEncoded: false))
    let room =
      isInTheWay
      ? "mv \(quoted(target)) \(quoted(directory.url.appending(path: "damaged-\(target.lastPathComponent)")))"
      : "mkdir -p \(quoted(directory.checkpoints))"
    return "; or resume from the last state of stage \(stage.number), step \(stage.step), after "
      + "`\(room) && cp -r \(quoted(stage.url)) \(quoted(target))`"
  }

  /// Compares the log with the state that a session goes on from; nothing is changed.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` where the log's record of the state's last step
  ///   is another than the state's, or the log is a link that can lead nowhere.
  func examine(for status: TrainingStatus) throws -> Finding {
    if let problem = directory.deadLog {
      throw StagingError(
        .runUnavailable, "\(problem). Remove it, or put the log back", subject: directory.log.path)
    }
    let path = directory.log.path(percentEncoded: false)
    let step = status.progress.steps
    let audit = try RunLogAudit(
      path: path, begin: begin, through: step, since: run.manifest.loggedStart, keeping: [step],
      isSealed: run.manifest.logIsSealed ?? false)
    // A line that was changed says nothing of whose the checkpoint is.
    if let kept = audit.kept[step], !audit.isChanged(kept.line) {
      try checkSame(kept.record, status)
    }
    let contradictions = try RunLogTruth(run, through: step).contradictions
    return Finding(
      irregularities: audit.irregularities,
      doubt: RunLogTruth.list(contradictions.map(\.description)),
      lostCheckpoint: lostCheckpoint(audit, after: step),
      tellsTime: !contradictions.contains { $0.field == "seconds" })
  }

  /// Makes the log ready for a session that goes on from a state: one that lost or doubled lines is put in
  /// order, with a copy of the old one beside it.
  ///
  /// - Returns: what to tell the user.
  func settle(_ finding: Finding, through step: Int) throws -> [String] {
    var notes: [String] = []
    if let lost = finding.lostCheckpoint {
      notes.append(
        "the log tells of a checkpoint at step \(lost), which is gone; the run goes on from step "
          + "\(step). The log as it was is kept as \(try directory.copyLog().lastPathComponent)")
    }
    if let doubt = finding.doubt {
      notes.append(
        "the log cannot be believed: \(doubt). The run goes on with what its checkpoint says; put the "
          + "log back as it was written, for reports and comparisons")
    }
    guard !finding.irregularities.isEmpty else { return notes }
    notes.append(try repair(finding.irregularities, through: step))
    return notes
  }

  private func repair(
    _ irregularities: [RunLogAudit.Irregularity], through step: Int
  ) throws -> String {
    let path = directory.log.path(percentEncoded: false)
    let copy =
      try FileManager.default.fileExists(atPath: path)
      ? "; as it was it is kept as \(directory.copyLog().lastPathComponent)" : ""
    try RunLogRepair.repair(path: path, begin: begin, through: step)
    let list = RunLogTruth.list(irregularities.map(\.description)) ?? ""
    return "the log is not whole: \(list). The training does not depend on it; it was put in "
      + "order\(copy)"
  }

  func checkSame(_ record: StepRecord, _ status: TrainingStatus) throws {
    let isSame =
      record.tokens == status.progress.tokens
      && record.flops == status.progress.floatingPointOperations
      && (status.trainingLoss.map { $0 == record.loss || $0.isNaN && record.loss.isNaN } ?? true)
    guard !isSame else { return }
    throw StagingError(
      .runUnavailable,
      "the checkpoint of step \(record.step) is not of this run: it has seen \(status.progress.tokens) "
        + "tokens in \(status.progress.floatingPointOperations) FLOPs, with a last loss of "
        + "\(status.trainingLoss.map { "\($0)" } ?? "none"), and the log says "
        + "\(counted(record.tokens, "token")), \(record.flops) FLOPs and \(record.loss). Remove the checkpoint or put the log back, "
        + "or begin another run with --continue-from the checkpoint",
      subject: directory.path)
  }

  /// The step of the last checkpoint that the log tells of, where it is later and not there.
  private func lostCheckpoint(_ audit: RunLogAudit, after step: Int) -> Int? {
    guard let saved = audit.lastCheckpoint, saved.step > step else { return nil }
    let url = CheckpointStore(directory.checkpoints).url(step: saved.step)
    let isThere = FileManager.default.fileExists(atPath: url.path(percentEncoded: false))
    return isThere || directory.hasSetAside(url.lastPathComponent) ? nil : saved.step
  }
}

/// Whether a run's log can be believed: what its lines say agrees with their checksums, with each other,
/// with what the run began with, and with the sealed states of the steps that were saved.
struct RunLogTruth {
  /// Lines that are missing, doubled or out of order.
  let irregularities: [RunLogAudit.Irregularity]
  /// Values that contradict others, by line and field.
  let contradictions: [RunLogContradiction]
  /// What the saved states know and the log does not tell; nil where it tells all.
  let loss: String?

  /// Reads a run's log; one that does not exist says nothing wrong, as long as nothing was saved.
  ///
  /// - Parameter step: the step up to which the log is judged; nil for its own end.
  /// - Throws: `RunLogsError` where a line before the last is no record.
  init(_ run: TrainingRun, through step: Int? = nil) throws {
    let path = run.directory.log.path(percentEncoded: false)
    // Before the log, which a run at work writes first.
    let states = Self.states(of: run)
    let saved = states.map(\.progress.steps).filter { $0 <= step ?? .max }.max() ?? 0
    let begin = run.manifest.stepsBefore
    guard FileManager.default.fileExists(atPath: path) else {
      (irregularities, contradictions) = ([], [])
      let isMissed = run.directory.deadLog != nil || saved > begin ?? 0
      loss =
        isMissed
        ? "it \(run.directory.deadLog ?? "is gone")"
          + (saved > 0 ? ", and the run has saved a state at step \(saved)" : "") : nil
      return
    }
    let end = run.manifest.logEnd.flatMap { $0.step <= step ?? .max ? $0 : nil }
    let audit = try RunLogAudit(
      path: path, begin: begin, through: step, since: run.manifest.loggedStart,
      keeping: Set(states.map(\.progress.steps)), isSealed: run.manifest.logIsSealed ?? false,
      endingWith: end)
    // A checkpoint that was begun with is nothing that the log tells of.
    let isShort = saved > audit.furthestStep && saved > begin ?? 0
    loss =
      isShort
      ? "it ends at step \(audit.furthestStep), before the state that was saved at step \(saved)"
      : nil
    irregularities = audit.irregularities
    contradictions =
      audit.contradictions
      + states.flatMap { state in
        audit.kept[state.progress.steps].map { Self.contradictions(of: $0, with: state) } ?? []
      }
  }

  /// All that is wrong, for people, without the file's name.
  var findings: [String] {
    [loss].compactMap { $0 } + irregularities.map(\.description)
      + contradictions.map(\.description)
  }

  /// The first findings in one line; nil where the log can be believed.
  static func list(_ findings: [String]) -> String? {
    guard !findings.isEmpty else { return nil }
    let shown = findings.prefix(5).joined(separator: "; ")
    return findings.count > 5 ? "\(shown); and more" : shown
  }

  /// The states that the run has saved and that are as they were written, each step's once.
  private static func states(of run: TrainingRun) -> [TrainingStatus] {
    let checkpoints = (try? CheckpointStore(run.directory.checkpoints).list().map(\.url)) ?? []
    let stages = run.directory.stageNumbers.map(run.directory.stage)
    var seen = Set<Int>()
    // Of a growth's step, the state before it comes first: it is the one that took the step.
    return (stages + checkpoints).compactMap { url in
      guard isIntact(url), let status = try? TrainingState.status(in: url) else { return nil }
      return seen.insert(status.progress.steps).inserted ? status : nil
    }
  }

  /// Whether a checkpoint's small file is as the manifest says; its tensors are nothing to a log.
  private static func isIntact(_ url: URL) -> Bool {
    let name = TrainingStateFiles.state
    guard let digest = try? Manifest(reading: url).files[name] else { return false }
    return (try? FileDigest(of: url.appending(path: name))) == digest
  }

  private static func contradictions(
    of kept: RunLogAudit.KeptStep, with state: TrainingStatus
  ) -> [RunLogContradiction] {
    let (record, progress) = (kept.record, state.progress)
    func other(_ field: String, _ logged: some Any, _ saved: some Any) -> RunLogContradiction {
      RunLogContradiction(
        line: kept.line, field: field,
        "\(logged) is not the \(saved) of the state that was saved at step \(progress.steps)")
    }
    var found: [RunLogContradiction] = []
    if record.tokens != progress.tokens {
      found.append(other("tokens", record.tokens, progress.tokens))
    }
    if record.flops != progress.floatingPointOperations {
      found.append(other("flops", record.flops, progress.floatingPointOperations))
    }
    if let loss = state.trainingLoss, loss != record.loss, !(loss.isNaN && record.loss.isNaN) {
      found.append(other("loss", record.loss, loss))
    }
    // A state is saved after its step and before the next.
    if record.seconds > progress.seconds || (kept.nextSeconds ?? .infinity) < progress.seconds {
      found.append(other("seconds", record.seconds, progress.seconds))
    }
    return found
  }
}

extension RunManifest {
  /// What the run had come to before its first step; nil where the file is too old to say.
  var loggedStart: LoggedProgress? {
    guard let began else { return stepsBefore.map { LoggedProgress(step: $0) } }
    return LoggedProgress(
      step: began.steps, tokens: began.tokens, flops: began.floatingPointOperations,
      seconds: began.seconds)
  }
}
