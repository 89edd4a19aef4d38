// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Training
import Wording

/// The models of a run, one for each stage, from the first to the recipe's: settled once, and asked by all
/// who plan, check, train, inspect and report.
///
/// A run of one model has one stage.
struct RunModels: Sendable {
  /// The run's stages.
  let stages: [StageRecipe]
  /// Each stage's model, at least one.
  let models: [ModelConfiguration]
  /// The last stage's model: the recipe's, but for an ε or a scale of the logits that follows from the
  /// growths.
  let target: ModelConfiguration
  /// The growth after each stage but the last.
  let growths: [any GrowthOperator]
  /// Whether the models have their tokenizer's vocabulary.
  ///
  /// Where a tokenizer is not known yet, or not there any more, only what no embedding counts in may be
  /// asked of them.
  let knowsVocabulary: Bool

  /// Works out every stage's model.
  ///
  /// - Parameters:
  ///   - stages: none for a run of one model.
  ///   - recipe: the model that they lead to.
  ///   - vocabularySize: the tokenizer's; nil where it is not known.
  /// - Throws: ``StagingError`` where a growth does not lead on to the recipe's model, or its vocabulary is too
  ///   small; `ArchitecturesError` for sizes that contradict each other.
  init(
    _ stages: [StageRecipe], of recipe: ModelRecipe, tokenizerVocabularySize vocabularySize: Int?
  ) throws {
    let target =
      try vocabularySize.map(recipe.configuration(tokenizerVocabularySize:)) ?? recipe.outline()
    try self.init(
      stages, target: target,
      knowsVocabulary: vocabularySize != nil || recipe.vocabularySize != nil)
  }

  /// A run of one model, as a checkpoint brings it.
  init(_ model: ModelConfiguration) {
    (stages, models, growths) = ([StageRecipe()], [model], [])
    (target, knowsVocabulary) = (model, true)
  }

  private init(
    _ stages: [StageRecipe], target: ModelConfiguration, knowsVocabulary: Bool
  ) throws {
    self.stages = stages.isEmpty ? [StageRecipe()] : stages
    self.knowsVocabulary = knowsVocabulary
    var model = try Self.first(stages, target)
    var models = [model]
    var growths: [any GrowthOperator] = []
    for (index, stage) in stages.dropLast().enumerated() {
      let description = stage.growth ?? GrowthDescription()
      let key = "stages[\(index)].grow"
      do {
        let growth = description.growth(
          to: target,
          naming: ConfigurationGrowth.Naming(subject: key) {
            "model." + (ModelConfiguration.Field(subject: $0)?.rawValue ?? $0)
          })
        model = try growth.target(from: model)
        if description.hasSizes { try Self.checkReaches(model, target) }
        models.append(model)
        growths.append(growth)
      } catch let error as ArchitecturesError {
        guard let name = description.names(behind: error, .key) else { throw error }
        throw StagingError(.invalidValue, error.message, subject: "\(key).\(name)")
      } catch let error as GrowthError {
        let name = description.names(behind: error, .key)
        throw StagingError(
          .invalidValue,
          name == nil && error.subject != key
            ? "\(error.message) (\(error.subject))" : error.message,
          subject: name.map { "\(key).\($0)" } ?? key)
      }
    }
    self.models = models
    self.growths = growths
    self.target = model
    try check(leadsTo: target)
  }

  /// Refuses a growth beyond the recipe's model, from which no other leads back.
  private static func checkReaches(_ model: ModelConfiguration, _ target: ModelConfiguration) throws
  {
    // The recipe's model has the tokenizer's vocabulary, which is not known here.
    for (field, size) in ConfigurationGrowth.sizes
    where size != \.vocabularySize && model[keyPath: size] > target[keyPath: size] {
      let name = ModelConfiguration.Field(subject: field)?.rawValue ?? field
      throw GrowthError(
        .unreachable,
        "leads to \(name) \(model[keyPath: size]), and the recipe's model has \(target[keyPath: size]); no growth "
          + "makes a model smaller", subject: field)
    }
  }

  /// The first stage's model.
  private static func first(
    _ stages: [StageRecipe], _ target: ModelConfiguration
  ) throws -> ModelConfiguration {
    guard let sizes = stages.first?.model else { return target }
    for (field, size, most) in sizes.given(target) where stages.count > 1 && size > most {
      throw StagingError(
        .invalidValue,
        "\(size) is more than the \(most) of the recipe's model, to which the stages lead; no growth makes a "
          + "model smaller", subject: "stages[0].model.\(field.rawValue)")
    }
    do { return try sizes.configuration(in: target) } catch let error as ArchitecturesError {
      let field = ModelConfiguration.Field(subject: error.subject)
      throw StagingError(
        .invalidValue, field == nil ? "\(error.subject): \(error.message)" : error.message,
        subject: "stages[0].model" + (field.map { ".\($0.rawValue)" } ?? ""))
    }
  }

  /// Checks that every stage grows and the last one has the recipe's model.
  private func check(leadsTo target: ModelConfiguration) throws {
    for index in growths.indices where models[index] == models[index + 1] {
      throw StagingError(
        .invalidValue, "grows nothing: the model of this stage is as large as the next",
        subject: "stages[\(index)]")
    }
    var last = self.target
    // These follow from growths, padding and the divided form, whatever the recipe's model has.
    last.normEpsilon = target.normEpsilon
    last.logitScale = target.logitScale
    guard last != target else { return }
    guard last.sizes == target.sizes else {
      throw StagingError(
        .invalidValue,
        "lead to a model of \(last.sizes), where the recipe's model is \(target.sizes); change a "
          + "growth, or leave its sizes out to grow straight to the model",
        subject: "stages")
    }
    throw StagingError(
      .invalidValue,
      "lead to a model of the recipe's sizes that is not the recipe's: "
        + last.differences(from: target).listed(),
      subject: "stages")
  }
}

extension StageModel {
  /// The sizes that are said, each beside a model's.
  fileprivate func given(
    _ model: ModelConfiguration
  ) -> [(field: ModelConfiguration.Field, size: Int, model: Int)] {
    let all: [(ModelConfiguration.Field, Int?, Int)] = [
      (.layers, layerCount, model.layerCount), (.hidden, hiddenSize, model.hiddenSize),
      (.heads, headCount, model.headCount),
      (.keyValueHeads, keyValueHeadCount, model.keyValueHeadCount),
      (.headSize, headSize, model.headSize),
      (.intermediate, intermediateSize, model.intermediateSize),
      (.context, contextLength, model.contextLength),
    ]
    return all.compactMap { field, size, most in size.map { (field, $0, most) } }
  }

  /// The stage's model, with what is not given taken from the target or following from it.
  func configuration(in target: ModelConfiguration) throws -> ModelConfiguration {
    var model = target
    model.layerCount = layerCount ?? target.layerCount
    model.hiddenSize = hiddenSize ?? target.hiddenSize
    model.headCount = headCount ?? scaled(target.headCount, in: target)
    model.keyValueHeadCount =
      keyValueHeadCount
      ?? max(1, target.keyValueHeadCount * model.headCount / max(1, target.headCount))
    model.intermediateSize = intermediateSize ?? scaled(target.intermediateSize, in: target)
    model.contextLength = contextLength ?? target.contextLength
    if let headSize {
      model.headSize = headSize
    } else if headCount != nil, model.hiddenSize % model.headCount == 0,
      target.headSize * target.headCount == target.hiddenSize
    {
      model.headSize = model.hiddenSize / model.headCount
    }
    try model.validate()
    return model
  }

  /// As much of a size as the stage has of the target's width.
  private func scaled(_ size: Int, in target: ModelConfiguration) -> Int {
    guard let hiddenSize else { return size }
    let (product, overflow) = size.multipliedReportingOverflow(by: hiddenSize)
    return overflow ? size : max(1, product / target.hiddenSize)
  }
}

extension ModelConfiguration {
  /// The sizes in a few words.
  var sizes: String {
    let keys = keyValueHeadCount == headCount ? "" : " (\(keyValueHeadCount) key/value)"
    return
      "\(counted(layerCount, "layer")), \(hiddenSize) wide, \(counted(headCount, "head"))\(keys) of \(headSize), "
      + "feed-forward \(intermediateSize)"
  }
}
