// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Training

/// A model on disk that is to be grown: a training checkpoint with its whole state, or the weights
/// in any Hugging Face directory.
public struct GrowthSource: Sendable {
  /// The directory, with the weights as its files hold them.
  public let directory: ModelDirectory
  /// All of the training state but its tensors; nil where only the weights are grown.
  public let status: TrainingStatus?
  /// Newer checkpoints of the run that are damaged, newest first; none for a model named itself.
  public let passedOver: [PassedOverCheckpoint]
  /// The files that are compared with their manifest or hashed.
  let files: SourceFiles

  /// A hash of the source for the lineage: of a checkpoint the SHA-256 of its manifest, of other
  /// directories that of the list of their weights' files with their hashes.
  ///
  /// Computed once; of other directories than checkpoints this reads all weights.
  ///
  /// - Throws: the errors of Checkpoints for files that cannot be read.
  public var hash: String { get throws { try files.hash() } }

  /// Where it lies; of a run, the checkpoint that was chosen.
  public var url: URL { directory.url }

  /// The model to be grown.
  ///
  /// Of a training checkpoint its dropout is the training's, which `config.json` holds as well.
  public var model: ModelConfiguration { status?.model ?? directory.configuration.model }

  /// The growths that made the model, where it has not trained since: of what their receipt says.
  var earlierGrowths: [GrowthPlan] {
    guard let receipt = try? GrowthReceipt(reading: url), receipt.path.target == model else {
      return []
    }
    return receipt.path.plans
  }

  /// Opens a checkpoint, a Hugging Face directory, or a run, whose newest whole checkpoint is taken.
  ///
  /// - Parameters:
  ///   - weightsOnly: whether a training checkpoint is taken for its weights alone.
  ///   - level: how closely files of a directory named itself are compared with its manifest before
  ///     anything is done; ``ModelGrowth/write(to:_:observe:)`` compares their checksums in any case,
  ///     and a run's checkpoints are compared by them to find the whole one.
  ///   - families: families beside the known ones; see ``FamilyFile``.
  ///   - patterns: names of tensors that are no part of the model and are passed over.
  /// - Throws: `TrainingError` of code `missingModel`; ``GrowthError`` of code `unreadableSource` for a
  ///   training state that may be incomplete; the errors of Checkpoints, Architectures and Training
  ///   for files that are damaged or not supported.
  public init(
    reading url: URL, weightsOnly: Bool = false, verifying level: VerificationLevel = .checksums,
    families: [DecoderFamily] = [], ignoring patterns: [String] = []
  ) throws {
    let location = try ModelLocation(of: url, verifying: level)
    let url = location.url
    passedOver = location.passedOver
    directory = try ModelDirectory(reading: url, families: families, ignoring: patterns)
    files = SourceFiles(
      url, weights: directory.weightFileNames, hasManifest: location.hasManifest,
      isVerified: location.isVerified)
    let state = url.appending(path: TrainingStateFiles.state)
    let hasState = FileManager.default.fileExists(atPath: state.path(percentEncoded: false))
    guard hasState && !weightsOnly else {
      status = nil
      return
    }
    guard location.hasManifest else {
      throw GrowthError(
        .unreadableSource,
        "holds a training state without \(Manifest.fileName), so it may be incomplete; copy the "
          + "whole checkpoint, or grow its weights alone", subject: url.path(percentEncoded: false))
    }
    status = try TrainingState.status(in: url)
  }
}

extension ModelDirectory {
  /// The files that hold the weights, sorted by name.
  var weightFileNames: [String] {
    if let sharded = tensors as? ShardedTensors { return sharded.index.files }
    return ["\(TrainingStateFiles.model).safetensors"]
  }
}
