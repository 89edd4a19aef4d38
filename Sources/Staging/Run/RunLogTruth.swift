// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import RunLogs
import Training
import Wording

/// Whether a run's log can be believed: what its lines say agrees with their checksums, with each other,
/// with what the run began with, and with the sealed states of the steps that were saved.
struct RunLogTruth {
  /// Lines that are missing, doubled or out of order.
  let irregularities: [RunLogAudit.Irregularity]
  /// Values that contradict others, by line and field.
  let contradictions: [RunLogContradiction]

  /// Reads a run's log; one that does not exist says nothing wrong.
  ///
  /// - Parameter step: the step up to which the log is judged; nil for its own end.
  /// - Throws: `RunLogsError` where a line before the last is no record.
  init(_ run: TrainingRun, through step: Int? = nil) throws {
    let path = run.directory.log.path(percentEncoded: false)
    guard FileManager.default.fileExists(atPath: path) else {
      (irregularities, contradictions) = ([], [])
      return
    }
    let states = Self.states(of: run)
    let audit = try RunLogAudit(
      path: path, begin: run.manifest.stepsBefore, through: step, since: run.manifest.loggedStart,
      keeping: Set(states.map(\.progress.steps)))
    irregularities = audit.irregularities
    contradictions =
      audit.contradictions
      + states.flatMap { state in
        audit.kept[state.progress.steps].map { Self.contradictions(of: $0, with: state) } ?? []
      }
  }

  /// All that is wrong, for people, without the file's name.
  var findings: [String] { irregularities.map(\.description) + contradictions.map(\.description) }

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
