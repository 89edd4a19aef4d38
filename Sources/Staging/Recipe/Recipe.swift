// SPDX-License-Identifier: Apache-2.0
import Training

/// Everything a training run needs, as one YAML file says it.
///
/// ``RecipeFile`` reads one, and makes one of a recipe that was built in Swift; ``example`` shows every key.
public struct Recipe: Sendable, Hashable {
  /// The model; nil where the recipe leaves it to the checkpoint that the run starts from.
  public var model: ModelRecipe?
  /// The tokenizer; nil where prepared data or a checkpoint bring it.
  public var tokenizer: TokenizerRecipe?
  /// What the model learns from.
  public var data: DataRecipe
  /// How it is trained.
  public var training: TrainingConfiguration
  /// The stages in which the model is grown; none for a run of one model, or where they are planned.
  public var stages: [StageRecipe]
  /// How stages are found where the recipe does not list them; nil where it does, or has none.
  public var planning: StagePlanning?

  /// Makes a recipe.
  ///
  /// Stages that wait for a slope and have no latest moment get the usual one.
  public init(
    model: ModelRecipe?, tokenizer: TokenizerRecipe? = nil, data: DataRecipe,
    training: TrainingConfiguration, stages: [StageRecipe] = [], planning: StagePlanning? = nil
  ) {
    self.model = model
    self.tokenizer = tokenizer
    self.data = data
    self.training = training
    self.stages = stages.withLatestMoments(training)
    self.planning = planning
  }

  /// The version of the recipe's format.
  public static let formatVersion = 1
}
