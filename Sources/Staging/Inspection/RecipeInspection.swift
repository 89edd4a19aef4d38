// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Text
import Training

/// What a recipe asks for.
public struct RecipeInspection: Sendable, Encodable {
  /// The model's sizes and cost.
  public struct Model: Sendable, Encodable {
    /// The model.
    public var configuration: ModelConfiguration
    /// All parameters.
    public var parameterCount: Int
    /// Parameters without embeddings.
    public var parameterCountWithoutEmbeddings: Int
    /// Exact floating-point operations of training per token, at the full context.
    public var trainingFLOPsPerToken: Double
  }

  /// The file.
  public var path: String
  /// The model; nil where a checkpoint brings it, or the tokenizer or the prepared data are missing.
  public var model: Model?
  /// The settings of training, defaults filled in.
  public var training: TrainingConfiguration

  init(_ url: URL) throws {
    try self.init(
      try RecipeFile(contentsOf: url).recipe(), path: url.path(percentEncoded: false))
  }

  init(_ recipe: Recipe, path: String) throws {
    self.path = path
    training = recipe.training
    guard let sizes = recipe.model, let vocabulary = recipe.vocabularySize else { return }
    let configuration = try sizes.configuration(tokenizerVocabularySize: vocabulary)
    let counts = try configuration.parameterCount()
    model = Model(
      configuration: configuration, parameterCount: counts.total,
      parameterCountWithoutEmbeddings: counts.withoutEmbeddings,
      trainingFLOPsPerToken: try configuration.floatingPointOperations(
        sequenceLength: configuration.contextLength
      ).training)
  }
}

extension Recipe {
  /// The vocabulary, as far as the recipe and the files that it names say.
  var vocabularySize: Int? {
    if let size = model?.vocabularySize { return size }
    if case .prepared(let url) = data.source {
      return try? TokenDataset.open(url).manifest.vocabularySize
    }
    return switch tokenizer {
    case .bytes: 257
    case .bytePairs(let size): size
    case .file(let url): try? TokenizerLoader.load(from: url).vocabularySize
    case nil: nil
    }
  }
}
