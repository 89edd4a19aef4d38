// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Growth
import RunLogs
import Text
import Training
import Wording

/// What is found wrong with a run beside its checkpoints.
struct RunFindings {
  private(set) var problems: [String] = []
  /// Nil where its files are too damaged to open it.
  private let run: TrainingRun?

  /// - Parameters:
  ///   - opened: the run with what was wrong when it was opened.
  ///   - failure: why it cannot be opened.
  init(_ opened: (run: TrainingRun, problems: [StagingError])?, _ failure: String?) {
    run = opened?.run
    guard let (run, found) = opened else {
      problems = [failure].compactMap { $0 }
      return
    }
    // A plan that cannot be read is not also one that was changed.
    let kept = run.keptFileProblems().filter { problem in
      !found.contains { $0.subject == problem.subject }
    }
    problems =
      (found + kept).map(\.description)
      + run.directory.halfMoved.map {
        "\($0.path(percentEncoded: false)): a command was ended while it set these parts of the run aside; "
          + "the next --resume puts them back"
      }
  }

  /// Does something, and notes why where it fails.
  mutating func noting(_ body: () throws -> Void) {
    do { try body() } catch { note(reason(of: error)) }
  }

  /// Does something with a run that could be opened.
  ///
  /// - Returns: nil where there is none, or it fails, which is noted then.
  mutating func noting<Part>(
    _ run: TrainingRun?, _ body: (TrainingRun) throws -> Part
  ) -> Part? {
    var part: Part?
    noting { part = try run.map(body) }
    return part
  }

  private mutating func note(_ problem: String) {
    if !problems.contains(problem) { problems.append(problem) }
  }

  /// Compares the log with itself, with the checkpoints and with the files of the growths that it
  /// tells of.
  mutating func compareLog(
    with checkpoints: [RunInspection.Checkpoint], _ history: RunHistory
  ) {
    guard let run else { return }
    do { try compare(run, with: checkpoints, history) } catch { note(reason(of: error)) }
  }

  private mutating func compare(
    _ run: TrainingRun, with checkpoints: [RunInspection.Checkpoint], _ history: RunHistory
  ) throws {
    let log = run.directory.log.path(percentEncoded: false)
    noteMissing(of: history.growths, in: run)
    try RunLogTruth(run).findings.forEach { note("\(log): \($0)") }
    let begin = run.manifest.stepsBefore
    let audit = try RunLogAudit(path: log, begin: begin)
    if let saved = audit.lastCheckpoint, !checkpoints.contains(where: { $0.step == saved.step }) {
      note("\(log): tells of a checkpoint at step \(saved.step), which is gone")
    }
    guard let newest = checkpoints.last(where: { $0.problems.isEmpty }) else { return }
    let url = run.directory.checkpoints.appending(path: newest.name)
    let upToIt = try RunLogAudit(
      path: log, begin: begin, through: newest.step, keeping: [newest.step])
    guard let kept = upToIt.kept[newest.step], !upToIt.isChanged(kept.line) else { return }
    try RunLogCheck(run)
      .checkSame(kept.record, TrainingState.status(in: url))
  }

  /// Opens the tokens that the run keeps as training does; a run of prepared tokens keeps none.
  mutating func checkTokens(verify: Bool, wasTrained: Bool) {
    guard let run, case .texts = run.recipe.data.source else { return }
    let data = run.directory.data.path(percentEncoded: false)
    guard let kept = run.directory.keptTokens else {
      if wasTrained {
        note(
          "\(data): holds no whole tokens; a run that goes on makes them again from the recipe's "
            + "texts, where these are what they were")
      }
      return
    }
    noting { _ = try TokenDataset.open(kept, verify: verify) }
  }

  /// Runs of before hashes were kept may have no receipts.
  private mutating func noteMissing(of growths: [Int: Int], in run: TrainingRun) {
    guard run.manifest.recipeHash != nil else { return }
    for number in growths.keys.sorted() {
      for url in [run.directory.stage(number), run.directory.growth(number)]
      where !FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) {
        note("\(url.path(percentEncoded: false)): is missing; the log tells of this growth")
      }
    }
  }
}
