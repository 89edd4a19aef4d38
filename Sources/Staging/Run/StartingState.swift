// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Text
import Training

/// A checkpoint whose whole training state a run goes on with, as after a growth.
struct StartingState {
  private let weights: StartingWeights
  private var url: URL { weights.directory.url }

  /// A checkpoint that was compared with its manifest.
  init(weights: StartingWeights) { self.weights = weights }

  /// Refuses a model without a training state before its other files are looked at.
  static func refuseWeightsAlone(_ url: URL) throws {
    func holds(_ name: String) -> Bool {
      FileManager.default.fileExists(
        atPath: url.appending(path: name).path(percentEncoded: false))
    }
    if holds(TrainingStateFiles.configuration), !holds(TrainingStateFiles.state) {
      throw weightsAlone(url)
    }
  }

  private static func weightsAlone(_ url: URL) -> StagingError {
    StagingError(
      .incompatibleCheckpoint,
      "holds weights alone and no \(TrainingStateFiles.state); begin with the weights (--from)",
      subject: url.path(percentEncoded: false))
  }

  /// Where the training stands that a directory holds, read before any text is prepared.
  static func status(in location: ModelLocation) throws -> TrainingStatus {
    let file = location.url.appending(path: TrainingStateFiles.state)
    func failure(_ message: String) -> StagingError {
      StagingError(
        .incompatibleCheckpoint, message, subject: location.url.path(percentEncoded: false))
    }
    guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else {
      throw weightsAlone(location.url)
    }
    guard location.hasManifest else {
      throw failure(
        "holds a training state without \(Manifest.fileName), so it may be incomplete; copy the whole "
          + "checkpoint, or begin with the weights (--from)")
    }
    return try TrainingState.status(in: location.url)
  }

  /// The state, trained on as the run's recipe says, and what of its own settings that replaces.
  ///
  /// - Parameter model: the checkpoint's with the recipe's dropout and context.
  func state(
    of run: TrainingRun, _ dataset: TokenDataset, _ model: ModelConfiguration,
    observer: (TrainingRunEvent) -> Void
  ) throws -> (state: TrainingState, replaced: [ReplacedSetting]) {
    var state = try TrainingState(reading: url, verifying: .sizes)
    let replaced =
      ReplacedSetting.of(state.status.training, by: run.recipe.training)
      + ReplacedSetting.of(state.status.model, by: model)
    state.status.cursor = try cursor(
      after: state.status, run, dataset, model, observer: observer)
    state.status.model = model
    state.status.training = run.recipe.training
    // The good checkpoints it knows of are another run's, and so is a stage.
    state.status.health = nil
    state.status.stage = nil
    state.status.lineage.append(
      LineageEntry(
        operation: "continued", source: url.path(percentEncoded: false),
        sourceHash: weights.sourceHash, step: state.status.progress.steps))
    return (state, replaced)
  }

  /// Where the data goes on: where the checkpoint stood in the same data, at the start of others.
  private func cursor(
    after status: TrainingStatus, _ run: TrainingRun, _ dataset: TokenDataset,
    _ model: ModelConfiguration, observer: (TrainingRunEvent) -> Void
  ) throws -> BatchStream.Cursor {
    var cursor = status.cursor
    if cursor.contextLength != model.contextLength {
      cursor = cursor.restarted(contextLength: model.contextLength)
    }
    let isSame = cursor.belongs(to: dataset.train) && cursor.order == run.recipe.data.order
    if isSame { return cursor }
    observer(
      .note(
        "The recipe's data are not those that the checkpoint was trained on, or in another order; "
          + "they are read from their start"))
    return try BatchStream(
      dataset.train, contextLength: model.contextLength, order: run.recipe.data.order,
      seed: run.recipe.training.seed
    ).cursor
  }
}
