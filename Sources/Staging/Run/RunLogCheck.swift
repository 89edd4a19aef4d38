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
  struct Settled {
    /// What to tell the user.
    var notes: [String] = []
    /// Whether what the log says of times can be believed.
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
    let paths = [stage.url, target].map { "'\($0.path(percentEncoded: false))'" }
    return "; or resume from the last state of stage \(stage.number), step \(stage.step), after "
      + "`mkdir -p '\(directory.checkpoints.path(percentEncoded: false))' && cp -r "
      + "\(paths.joined(separator: " "))`"
  }

  /// Makes the log ready for a session that goes on from a state: it must be this run's, and a log that
  /// lost or doubled lines is put in order, with a copy of the old one beside it.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` where the log's record of the state's last step
  ///   is another than the state's.
  func settle(for status: TrainingStatus) throws -> Settled {
    let path = directory.log.path(percentEncoded: false)
    let step = status.progress.steps
    let audit = try RunLogAudit(
      path: path, begin: begin, through: step, since: run.manifest.loggedStart, keeping: [step])
    // A line that was changed says nothing of whose the checkpoint is.
    if let kept = audit.kept[step], !audit.isChanged(kept.line) {
      try checkSame(kept.record, status)
    }
    var settled = Settled()
    if let lost = lostCheckpoint(audit, after: step) {
      settled.notes.append(
        "the log tells of a checkpoint at step \(lost), which is gone; the run goes on from step "
          + "\(step). The log as it was is kept as \(try directory.copyLog().lastPathComponent)")
    }
    let contradictions = try RunLogTruth(run, through: step).contradictions
    settled.tellsTime = !contradictions.contains { $0.field == "seconds" }
    if let list = RunLogTruth.list(contradictions.map(\.description)) {
      settled.notes.append(
        "the log cannot be believed: \(list). The run goes on with what its checkpoint says; put the "
          + "log back as it was written, for reports and comparisons")
    }
    guard !audit.irregularities.isEmpty else { return settled }
    settled.notes.append(try repair(audit, through: step))
    return settled
  }

  private func repair(_ audit: RunLogAudit, through step: Int) throws -> String {
    let path = directory.log.path(percentEncoded: false)
    let copy =
      try FileManager.default.fileExists(atPath: path)
      ? "; as it was it is kept as \(directory.copyLog().lastPathComponent)" : ""
    try RunLogRepair.repair(path: path, begin: begin, through: step)
    let list = RunLogTruth.list(audit.irregularities.map(\.description)) ?? ""
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

extension RunDirectory {
  /// Whether the user went back behind a checkpoint, which was kept in a numbered folder of `abandoned`.
  fileprivate func hasSetAside(_ name: String) -> Bool {
    let folder = url.appending(path: "abandoned", directoryHint: .isDirectory)
    return Self.names(in: folder).contains {
      Self.names(in: folder.appending(path: $0)).contains(name)
    }
  }

  /// The last state of a stage.
  struct KeptStage {
    /// The stage, from 1.
    var number: Int
    var url: URL
    /// Steps taken when it was kept.
    var step: Int
  }

  /// The directory with the last state of a stage.
  ///
  /// - Parameter number: the stage, from 1.
  func stage(_ number: Int) -> URL {
    stages.appending(path: "stage-\(number)", directoryHint: .isDirectory)
  }

  /// What is wrong with the receipt of a growth, which a manifest beside it tells; nil for nothing, and
  /// for a receipt of before there were manifests.
  ///
  /// - Parameter number: the stage that ended with the growth, from 1.
  func damage(toReceiptOfGrowth number: Int) -> String? {
    let url = growth(number)
    guard Manifest.exists(in: url) else { return nil }
    let problems = CheckpointDirectory.problems(in: url).map(\.description)
    return problems.isEmpty ? nil : problems.joined(separator: "; ")
  }

  /// What is wrong with receipts of growths, each with its path.
  var receiptProblems: [String] {
    stageNumbers.compactMap { number in
      damage(toReceiptOfGrowth: number).map {
        "\(growth(number).path(percentEncoded: false)): \($0)"
      }
    }
  }

  /// The stages, from 1, whose last state was kept.
  var stageNumbers: [Int] {
    Self.names(in: stages).compactMap { name in
      name.hasPrefix("stage-") ? Int(name.dropFirst("stage-".count)) : nil
    }.sorted()
  }

  /// The newest state of a stage that is whole; nil where none was kept.
  var newestWholeStage: KeptStage? {
    for number in stageNumbers.reversed() {
      let url = stage(number)
      guard CheckpointDirectory.problems(in: url).isEmpty,
        let status = try? TrainingState.status(in: url)
      else { continue }
      return KeptStage(number: number, url: url, step: status.progress.steps)
    }
    return nil
  }
}
