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
  ///   - isInterrupted: asked after every step; true ends the session with a checkpoint.
  /// - Throws: ``StagingError`` (of code `brokenGuarantee` where a growth changed the loss and should
  ///   not have), `TrainingError` (of code `nonFiniteLoss` where the loss is not finite; the last good
  ///   checkpoint stays), and the errors of files and engine.
  public func train(
    engine: some TrainingEngine,
    observer: @escaping @Sendable (TrainingRunEvent) -> Void = { _ in },
    isInterrupted: @escaping () -> Bool = { false }
  ) throws -> TrainingRunSummary {
    let lock = try RunLock(directory)
    return try withExtendedLifetime(lock) {
      do {
        if let earlierStep { try goBack(toStep: earlierStep, observer: observer) }
        let begins = manifest.startedFrom.map { URL(filePath: $0).lastPathComponent } ?? "another"
        for checkpoint in passedOver {
          observer(
            .warning(
              "the newer checkpoint \(checkpoint.checkpoint) is damaged "
                + "(\(checkpoint.problems.joined(separator: "; "))); the run begins with \(begins), "
                + "the newest whole one"))
        }
        for problem in directory.receiptProblems {
          observer(.warning("\(problem). The training does not depend on it"))
        }
        try checkSource()
        let dataset = try RunData(run: self, observer: observer, isInterrupted: isInterrupted)
          .open()
        let start = try RunStart(run: self, dataset: dataset, observer: observer)
        if start.checkpoint == nil {
          let notes = (plan?.notes ?? []) + recipe.slopeNotes(start.state.status.model)
          notes.forEach { observer(.note($0)) }
        }
        return try RunSession(
          run: self, start: start, engine: engine, lock: lock, observer: observer,
          isInterrupted: isInterrupted
        ).train()
      } catch is CancellationError {
        return interruptedEarly()
      } catch var error as TextError where error.subject.hasPrefix(directory.data.path) {
        error.message +=
          ". These tokens are the run's own: move '\(directory.data.path)' away, and --resume makes them "
          + "again from the recipe's texts, where these are what they were"
        throw error
      }
    }
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
