// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Text
import Training

/// A checkpoint or Hugging Face directory to begin a run with.
struct StartingWeights {
  /// The directory.
  let directory: ModelDirectory
  /// ``SourceHash`` of the directory; nil where the run is too old to have kept it and there is no
  /// manifest.
  let sourceHash: String?
  private var model: ModelConfiguration { directory.configuration.model }

  private init(directory: ModelDirectory, sourceHash: String?) {
    self.directory = directory
    self.sourceHash = sourceHash
  }

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
    let directory = try ModelDirectory(reading: url, ignoring: patterns)
    _ = try StartingWeights(directory: directory, sourceHash: nil)
      .model(for: recipe.model, tokenizerVocabularySize: 1)
  }

  /// Whether the checkpoint's own tokenizer is the one of this fingerprint.
  func hasTokenizer(_ fingerprint: String) -> Bool {
    (try? TokenizerLoader.load(from: directory.url))?.fingerprint == fingerprint
      || TokenizerLoader.hasFile(ofFingerprint: fingerprint, in: directory.url)
  }

  /// The model to train: the checkpoint's, with the recipe's dropout.
  ///
  /// The tokenizer may have more tokens than the model: the data is looked through for them later.
  ///
  /// - Throws: ``StagingError`` of code `incompatibleCheckpoint` where the recipe asks for other
  ///   sizes.
  func model(
    for recipe: ModelRecipe?, tokenizerVocabularySize vocabulary: Int
  ) throws -> ModelConfiguration {
    guard var recipe else { return model }
    recipe.vocabularySize = recipe.vocabularySize ?? model.vocabularySize
    let wanted = try recipe.configuration(
      tokenizerVocabularySize: min(vocabulary, model.vocabularySize))
    let differences = differences(from: wanted)
    guard differences.isEmpty else {
      throw failure(
        "its model is not the recipe's: \(differences.joined(separator: ", ")); leave `model` out of "
          + "the recipe to take the checkpoint's")
    }
    var result = model
    result.dropout = wanted.dropout
    // Rotary positions have no table that fixes their number.
    if result.rotary != nil { result.contextLength = wanted.contextLength }
    return result
  }

  private func differences(from wanted: ModelConfiguration) -> [String] {
    var fields: [(String, String, String)] = [
      ("architecture", model.family.name, wanted.family.name),
      ("layers", "\(model.layerCount)", "\(wanted.layerCount)"),
      ("hidden", "\(model.hiddenSize)", "\(wanted.hiddenSize)"),
      ("heads", "\(model.headCount)", "\(wanted.headCount)"),
      ("keyValueHeads", "\(model.keyValueHeadCount)", "\(wanted.keyValueHeadCount)"),
      ("headSize", "\(model.headSize)", "\(wanted.headSize)"),
      ("intermediate", "\(model.intermediateSize)", "\(wanted.intermediateSize)"),
      ("vocabulary", "\(model.vocabularySize)", "\(wanted.vocabularySize)"),
      ("tieHead", "\(model.tiesHead)", "\(wanted.tiesHead)"),
      ("normEpsilon", "\(model.normEpsilon)", "\(wanted.normEpsilon)"),
    ]
    if model.rotary == nil {
      fields.append(("context", "\(model.contextLength)", "\(wanted.contextLength)"))
    }
    if let own = model.rotary?.base, let other = wanted.rotary?.base {
      fields.append(("ropeBase", "\(own)", "\(other)"))
    }
    return fields.filter { $0.1 != $0.2 }.map { "\($0.0) is \($0.1), the recipe says \($0.2)" }
  }

  private func failure(_ message: String) -> StagingError {
    StagingError(
      .incompatibleCheckpoint, message, subject: directory.url.path(percentEncoded: false))
  }
}
