// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Training

/// The place in a run from which a session goes on, found before anything in its directory changes.
struct ResumePoint {
  /// The checkpoint; nil at the run's beginning.
  let item: CheckpointStore.Item?
  /// Its state; nil at the run's beginning.
  let state: TrainingState?
  /// What `config.json` holds beside the model; nil at the run's beginning.
  let configuration: HuggingFaceConfiguration?
  /// What the log was found to be; nil at the run's beginning.
  let log: RunLogCheck.Finding?
  /// Newer checkpoints that are damaged.
  let damaged: [CheckpointStore.Damaged]

  /// Finds the place: the newest whole checkpoint, the one that the user goes back to, or the beginning.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` where there is none or the log is another run's; the
  ///   errors of reading the checkpoint and the log.
  init(of run: TrainingRun) throws {
    let check = RunLogCheck(run)
    let latest = try Self.latest(of: run)
    (item, damaged) = (latest.item, latest.damaged)
    guard let item else {
      if !run.beginsAnew { try check.checkNothingIsLost(damaged) }
      (state, configuration, log) = (nil, nil, nil)
      return
    }
    // Its checksums were compared just now.
    var state = try TrainingState(reading: item.url, verifying: .sizes)
    configuration = try ModelDirectory(reading: item.url).configuration
    // What the user changed for this session; the same as before where nothing changed.
    state.status.training = run.recipe.training
    log = try check.examine(for: state.status)
    self.state = state
  }

  /// Whether the log's lines keep their checksums as the session begins: putting a log in order joins lines
  /// anew, but for one that loses a damaged last line.
  var keepsLines: Bool {
    log?.irregularities.allSatisfy { if case .damagedEnd = $0 { true } else { false } } ?? true
  }

  private static func latest(
    of run: TrainingRun
  ) throws -> (item: CheckpointStore.Item?, damaged: [CheckpointStore.Damaged]) {
    if run.beginsAnew { return (nil, []) }
    if let step = run.earlierStep {
      let item = try run.checkpoint(ofStep: step)
      try CheckpointDirectory.verify(item.url)
      return (item, [])
    }
    let latest = try CheckpointStore(run.directory.checkpoints).latestValid()
    return (latest.item, latest.damaged)
  }
}
