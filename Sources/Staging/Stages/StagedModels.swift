// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Training
import Wording

/// The stages of a recipe with their models, from the first to the target.
struct StagedModels {
  /// The recipe's stages.
  let stages: [StageRecipe]
  /// Each stage's model; the last is the target, but for an ε or a scale of the logits that follows from the
  /// growths.
  let models: [ModelConfiguration]
  /// The growth after each stage but the last.
  let growths: [any GrowthOperator]

  /// Works out every stage's model.
  ///
  /// - Throws: ``StagingError`` where a growth does not lead on to the target; `GrowthError` where an
  ///   operator cannot do what is asked.
  init(_ stages: [StageRecipe], target: ModelConfiguration) throws {
    self.stages = stages
    var models = [try (stages.first?.model ?? StageModel()).configuration(in: target)]
    var growths: [any GrowthOperator] = []
    for (index, stage) in stages.dropLast().enumerated() {
      do {
        let growth = (stage.growth ?? GrowthDescription()).growth(to: target)
        models.append(try growth.target(from: models[index]))
        growths.append(growth)
      } catch let error as GrowthError {
        throw StagingError(
          .invalidValue, "\(error.message) (\(error.subject))", subject: "stages[\(index)].grow")
      }
    }
    self.models = models
    self.growths = growths
    try check(target)
  }

  /// Checks that every stage grows and the last one has the recipe's model.
  private func check(_ target: ModelConfiguration) throws {
    for index in growths.indices where models[index] == models[index + 1] {
      throw StagingError(
        .invalidValue, "grows nothing: the model of this stage is as large as the next",
        subject: "stages[\(index)]")
    }
    guard var last = models.last else { return }
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
        + "\(last.differences(from: target).joined(separator: ", "))",
      subject: "stages")
  }
}

extension StageModel {
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
