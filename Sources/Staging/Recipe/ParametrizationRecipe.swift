// SPDX-License-Identifier: Apache-2.0
import Architectures
import OrderedJSON
import Training
import Wording

/// Reads the recipe's `parametrization`, whose base is described beside the recipe's model.
struct ParametrizationRecipe {
  /// The recipe's model; nil where it is left to a checkpoint.
  let model: ModelRecipe?
  /// The stages that the recipe lists.
  let stages: [StageRecipe]

  private enum Kind: String, CaseIterable { case standard, mup }
  static let keys = ["kind", "base"]

  /// The parametrization; nil for the standard one.
  func parametrization(_ value: RecipeValue?) throws -> MaximalUpdateParametrization? {
    guard let value else { return nil }
    guard value.isMapping else { return try parametrization(value.choice(), nil, value) }
    let keys = try value.mapping(keys: Self.keys)
    let kind = try keys.required("kind", "standard or mup")
    return try parametrization(kind.choice(), keys["base"], value)
  }

  private func parametrization(
    _ kind: Kind, _ base: RecipeValue?, _ value: RecipeValue
  ) throws -> MaximalUpdateParametrization? {
    switch kind {
    case .standard:
      if let base { throw base.conflict("belongs to mup; remove it, or write kind: mup") }
      return nil
    case .mup:
      guard let base else { return .init(base: try firstStage(value)) }
      return .init(base: try baseModel(base))
    }
  }

  /// The model of the first stage, which is what rates are tuned on unless the recipe says otherwise.
  private func firstStage(_ value: RecipeValue) throws -> BaseModel {
    guard let first = stages.first, model != nil else {
      throw value.conflict(
        "mup scales rates from a model that they were tuned on, and there is no first stage that could be "
          + "it; write {kind: mup, base: {layers: 4, hidden: 64}} with its sizes")
    }
    return try baseModel(first.model ?? StageModel(), value)
  }

  private func baseModel(_ value: RecipeValue) throws -> BaseModel {
    let keys = try value.mapping(keys: StageModel.keys)
    if let context = keys["context"] {
      throw context.conflict("no rate depends on the context; remove it")
    }
    if model != nil { return try baseModel(StageModel(value), value) }
    for key in ["layers", "hidden", "heads", "intermediate"] {
      _ = try keys.required(
        key, "an integer: the recipe names no model from which the base's could follow")
    }
    return try BaseModel(StageModel(value), value)
  }

  /// Sizes that are not given follow from the recipe's model, as those of a first stage do.
  private func baseModel(_ sizes: StageModel, _ value: RecipeValue) throws -> BaseModel {
    guard let model, let target = try? model.outline() else { throw RecipeFaults.Noted() }
    do {
      let model = try sizes.configuration(in: target)
      if value.path.last == "base" { try checkHeads(of: model, sizes, target, value) }
      return BaseModel(model)
    } catch let error as ArchitecturesError {
      let key = ModelConfiguration.Field(subject: error.subject)?.rawValue
      guard let key, let member = value.isMapping ? value.nearest(key) : nil else {
        throw value.conflict("no \(target.family.name) has these sizes: \(error)")
      }
      throw member.conflict(error.message)
    }
  }

  /// Checks that the base's heads share its width, unless it says how large each is and the family can have
  /// such heads.
  private func checkHeads(
    of model: ModelConfiguration, _ sizes: StageModel, _ target: ModelConfiguration,
    _ value: RecipeValue
  ) throws {
    let (heads, size, width) = (model.headCount, model.headSize, model.hiddenSize)
    if sizes.headSize == nil, sizes.headCount != nil, width % heads != 0,
      target.headCount * target.headSize == target.hiddenSize
    {
      throw value.nearest("heads").conflict(
        "\(counted(heads, "head")) cannot share the hidden size \(width); change one of them")
    }
    guard model.family.keys.headSize == nil, heads * size != width else { return }
    throw value.nearest(sizes.headSize == nil ? "hidden" : "headSize").conflict(
      "the heads come to \(heads) · \(size) = \(heads * size), and those of \(model.family.name) share the "
        + "hidden size, \(width)")
  }
}

extension BaseModel {
  /// Sizes of which none follows from a model.
  fileprivate init(_ sizes: StageModel, _ value: RecipeValue) throws {
    guard let layers = sizes.layerCount, let hidden = sizes.hiddenSize, let heads = sizes.headCount,
      let intermediate = sizes.intermediateSize
    else { throw RecipeFaults.Noted() }
    guard sizes.headSize != nil || hidden % heads == 0 else {
      throw value.nearest("heads").conflict(
        "\(counted(heads, "head")) cannot share the hidden size \(hidden); change one of them")
    }
    self.init(
      layerCount: layers, hiddenSize: hidden, headCount: heads,
      keyValueHeadCount: sizes.keyValueHeadCount ?? heads,
      headSize: sizes.headSize ?? hidden / heads, intermediateSize: intermediate)
  }
}

extension TrainingConfiguration {
  /// Checks that rates follow from the base for each of a run's models.
  ///
  /// - Throws: `TrainingError` that names the key of the base.
  func checkParametrization(of models: RunModels) throws {
    for model in models.models { _ = try parametrization?.parameters(of: model) }
  }
}

extension MaximalUpdateParametrization {
  var json: JSONValue { .keys([("kind", "mup"), ("base", StageModel(base).json)]) }

  /// The parametrization as recipes write it.
  package var recipeText: String { json.recipeLine }
}

extension StageModel {
  /// The sizes of a base model.
  fileprivate init(_ base: BaseModel) {
    self.init(
      layerCount: base.layerCount, hiddenSize: base.hiddenSize, headCount: base.headCount,
      keyValueHeadCount: base.keyValueHeadCount, headSize: base.headSize,
      intermediateSize: base.intermediateSize)
  }
}
