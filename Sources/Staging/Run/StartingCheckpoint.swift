// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Text
import Training

/// A checkpoint or Hugging Face directory that a run begins with: its weights alone, or, as after a growth,
/// its whole training state.
struct StartingCheckpoint {
  /// The directory.
  let directory: ModelDirectory
  /// ``SourceHash`` of the directory; nil where the run is too old to have kept it and there is no
  /// manifest.
  let sourceHash: String?
  private var path: String { directory.url.path(percentEncoded: false) }

  /// Opens a directory, after comparing it with its manifest, if it has one.
  ///
  /// - Parameters:
  ///   - patterns: names of tensors that are no part of the model and are passed over.
  ///   - hash: ``SourceHash`` of the directory, where it was compared already.
  init(readingFrom url: URL, ignoring patterns: [String] = [], hash: String? = nil) throws {
    let hasManifest = Manifest.exists(in: url)
    if hasManifest { try CheckpointDirectory.verify(url) }
    sourceHash = try hash ?? (hasManifest ? SourceHash.of(url) : nil)
    directory = try ModelDirectory(reading: url, ignoring: patterns)
  }

  /// Checks, before any text is prepared, that a directory's model can be read and is the recipe's.
  static func check(_ url: URL, for recipe: Recipe, ignoring patterns: [String] = []) throws {
    _ = try model(of: ModelDirectory(reading: url, ignoring: patterns), for: recipe.model)
  }

  /// Whether the checkpoint's own tokenizer is the one of this fingerprint.
  private func hasTokenizer(_ fingerprint: String) -> Bool {
    (try? TokenizerLoader.load(from: directory.url))?.fingerprint == fingerprint
      || TokenizerLoader.hasFile(ofFingerprint: fingerprint, in: directory.url)
  }

  /// What `config.json` is to hold beside the model where the run's tokens are of some tokenizer.
  func configuration(
    for tokens: CorpusManifest, _ observer: RunObserver
  ) -> HuggingFaceConfiguration {
    var configuration = directory.configuration
    if !hasTokenizer(tokens.tokenizerFingerprint) {
      observer.note(
        "The recipe's tokenizer is not the checkpoint's, so its tokens mean other text than the "
          + "embeddings have learnt")
      configuration.beginOfTextToken = nil
      configuration.padToken = nil
      configuration.endOfTextTokens = [Int(tokens.endOfText)]
    } else if !configuration.namesEndOfText {
      configuration.endOfTextTokens = [Int(tokens.endOfText)]
    }
    return configuration
  }

  /// The model to train: the checkpoint's, with the recipe's dropout.
  ///
  /// The tokenizer may have more tokens than the model: the data is looked through for them later.
  ///
  /// - Throws: ``StagingError`` of code `incompatibleCheckpoint` where the recipe asks for other
  ///   sizes.
  func model(for recipe: ModelRecipe?) throws -> ModelConfiguration {
    try Self.model(of: directory, for: recipe)
  }

  private static func model(
    of directory: ModelDirectory, for recipe: ModelRecipe?
  ) throws -> ModelConfiguration {
    let model = directory.configuration.model
    guard let recipe else { return model }
    let wanted = try recipe.configuration(
      tokenizerVocabularySize: recipe.vocabularySize ?? model.vocabularySize)
    var fields = ModelConfiguration.Field.recipe
    // Rotary positions have no table that fixes their number, and others no base.
    if model.rotary != nil { fields.remove(.context) }
    if model.rotary == nil || wanted.rotary == nil { fields.remove(.ropeBase) }
    let differences = model.differences(from: wanted, in: fields)
    guard differences.isEmpty else {
      throw StagingError(
        .incompatibleCheckpoint,
        "its model is not the recipe's: \(differences.listed(as: ", the recipe says ")); leave `model` "
          + "out of the recipe to take the checkpoint's",
        subject: directory.url.path(percentEncoded: false))
    }
    var result = model
    result.dropout = wanted.dropout
    if model.rotary != nil { result.contextLength = wanted.contextLength }
    return result
  }
}

// The whole training state.
extension StartingCheckpoint {
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
    guard FileManager.default.fileExists(atPath: file.path(percentEncoded: false)) else {
      throw weightsAlone(location.url)
    }
    guard location.hasManifest else {
      throw StagingError(
        .incompatibleCheckpoint,
        "holds a training state without \(Manifest.fileName), so it may be incomplete; copy the whole "
          + "checkpoint, or begin with the weights (--from)",
        subject: location.url.path(percentEncoded: false))
    }
    return try TrainingState.status(in: location.url)
  }

  /// The state, trained on as a recipe says, and what of its own settings that replaces.
  ///
  /// - Parameter model: the checkpoint's with the recipe's dropout and context.
  func state(
    of model: ModelConfiguration, trainedAs recipe: Recipe, on tokens: TokenSplit,
    _ observer: RunObserver
  ) throws -> (state: TrainingState, replaced: [ReplacedSetting]) {
    var state = try TrainingState(reading: directory.url, verifying: .sizes)
    let replaced =
      ReplacedSetting.of(state.status.training, by: recipe.training)
      + ReplacedSetting.of(state.status.model, by: model)
    var cursor = state.status.cursor
    if cursor.contextLength != model.contextLength {
      cursor = cursor.restarted(contextLength: model.contextLength)
    }
    if !cursor.belongs(to: tokens) || cursor.order != recipe.data.order {
      observer.note(
        "The recipe's data are not those that the checkpoint was trained on, or in another order; "
          + "they are read from their start")
      cursor = try recipe.batches(of: tokens, for: model).cursor
    }
    state.status.cursor = cursor
    state.status.model = model
    state.status.training = recipe.training
    // The good checkpoints it knows of are another run's, and so is a stage.
    state.status.health = nil
    state.status.stage = nil
    state.status.lineage.append(
      LineageEntry(
        operation: "continued", source: path, sourceHash: sourceHash,
        step: state.status.progress.steps))
    return (state, replaced)
  }
}

extension Recipe {
  /// The batches of a model's training from the first on.
  func batches(of tokens: TokenSplit, for model: ModelConfiguration) throws -> BatchStream {
    try BatchStream(
      tokens, contextLength: model.contextLength, order: data.order, seed: training.seed)
  }
}
