// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
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
    let recipe = try RecipeFile(contentsOf: url).recipe()
    let models = try recipe.model.map {
      try RunModels([], of: $0, tokenizerVocabularySize: recipe.tokenizerVocabularySize)
    }
    try self.init(recipe, models, path: url.path(percentEncoded: false))
  }

  init(_ recipe: Recipe, _ models: RunModels?, path: String) throws {
    self.path = path
    training = recipe.training
    guard let models, models.knowsVocabulary else { return }
    let configuration = models.target
    let counts = try configuration.parameterCount()
    model = Model(
      configuration: configuration, parameterCount: counts.total,
      parameterCountWithoutEmbeddings: counts.withoutEmbeddings,
      trainingFLOPsPerToken: try configuration.floatingPointOperations(
        sequenceLength: configuration.contextLength
      ).training)
  }
}
