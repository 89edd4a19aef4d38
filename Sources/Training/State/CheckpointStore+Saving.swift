// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation

extension CheckpointStore {
  /// Saves a state under its step, then removes the oldest checkpoints.
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
    if let keep { try prune(keeping: keep, level: .sizes) }
    return item.url.lastPathComponent
  }
}
