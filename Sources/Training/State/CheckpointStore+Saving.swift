// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation

extension CheckpointStore {
  /// Saves a state under its step, points ``latest`` at it, then removes the oldest checkpoints.
  ///
  /// The newest good one, to which the run may go back, and the one of the least validation loss stay
  /// in any case.
  ///
  /// - Parameters:
  ///   - keep: the newest checkpoints that stay; nil for all.
  ///   - configuration: carries what the state does not know for `config.json`.
  ///   - tokenizer: the contents of `tokenizer.json`; nil for none.
  /// - Returns: the name of the checkpoint's directory.
  /// - Throws: ``TrainingError`` for a state that is not sound; the errors of Checkpoints.
  @discardableResult
  public func save(
    _ state: TrainingState, keep: Int?, configuration: HuggingFaceConfiguration? = nil,
    tokenizer: Data?
  ) throws -> String {
    let item = try write(step: state.status.progress.steps) {
      try state.write(to: $0, configuration: configuration, tokenizer: tokenizer)
    }
    pointLatest(to: item)
    // The newest was just written and synced, so sizes are proof enough that it is whole.
    if let keep {
      try prune(
        keeping: keep, level: .sizes,
        protecting: Set([state.status.health?.goodStep, try bestStep()].compactMap { $0 }))
    }
    return item.url.lastPathComponent
  }

  /// The step of the checkpoint with the least validation loss, the first of several.
  ///
  /// - Returns: nil where none has one; what cannot be read has none.
  private func bestStep() throws -> Int? {
    let losses = try list().compactMap { item -> (step: Int, loss: Double)? in
      guard let loss = (try? TrainingState.status(in: item.url))?.validationLoss, loss.isFinite
      else { return nil }
      return (item.step, loss)
    }
    return losses.min { ($0.loss, $0.step) < ($1.loss, $1.step) }?.step
  }
}
