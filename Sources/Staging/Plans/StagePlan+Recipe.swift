// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Growth
import Planning
import Wording

extension StagePlan {
  /// The plan as stages of a recipe, with what is to be said of it.
  struct Followed {
    var stages: [StageRecipe]
    var notes: [String]
  }

  /// The plan's stages for a recipe's model.
  ///
  /// Each stage trains for the plan's steps and grows to the next model with the plan's ρ, so that the
  /// schedule stands where the plan says that a model of the new size would. The last stage goes to
  /// the end of the run where the plan ends there.
  ///
  /// - Parameter name: the plan, for messages.
  /// - Throws: ``StagingError`` where the plan is for another model, batch or length.
  func followed(
    for target: ModelConfiguration, length: RunLength, name: String
  ) throws -> Followed {
    try check(target, length, name)
    let end = plannedEnd
    let isWhole = length.steps.map { abs(end - $0) <= max(2, 0.005 * $0) } ?? false
    let outlasts = length.steps.map { end > $0 } ?? false
    let recipes = try stages.enumerated().map { index, stage in
      let next = index + 1 < stages.count ? stages[index + 1].model : nil
      let isLast = next == nil
      return StageRecipe(
        model: index == 0 && !isLast ? StageModel(stage.model) : nil,
        until: isLast && (isWhole || outlasts) ? nil : .after(.steps(stage.steps)),
        growth: try next.map {
          try growth(from: stage.model, to: $0, ratio: stage.growth?.growthRatio ?? 1, name)
        })
    }
    return Followed(
      stages: recipes, notes: isWhole ? [] : Self.endNote(end, length.steps, outlasts: outlasts))
  }

  /// The step at which the plan ends, counted on the target's schedule.
  private var plannedEnd: Double {
    stages.last.map { Double($0.effectiveStart) + Double($0.steps) } ?? 0
  }

  private static func endNote(_ end: Double, _ length: Double?, outlasts: Bool) -> [String] {
    guard let length else { return [] }
    let (planned, run) = (Int(bounding: end.rounded()), Int(bounding: length.rounded()))
    return [
      outlasts
        ? "The plan ends at step \(planned) of the target's schedule, but the run at step \(run); it "
          + "stops short of the plan. A total of \(counted(planned, "step")) would meet it"
        : "The plan ends at step \(planned) of the target's schedule, before the schedule's own end at "
          + "step \(run), so the learning rate is not fully decayed. A total of \(counted(planned, "step")) "
          + "would meet it"
    ]
  }

  private func growth(
    from small: ModelConfiguration, to large: ModelConfiguration, ratio: Double, _ name: String
  ) throws -> GrowthDescription {
    if let obstacle = IntegerGrowth().obstacle(from: small, to: large) {
      throw StagingError(
        .invalidValue, "no growth leads from \(small.sizes) to \(large.sizes): \(obstacle)",
        subject: name)
    }
    var growth = GrowthDescription()
    growth.width = large.hiddenSize / small.hiddenSize
    growth.layers = .count(large.layerCount)
    guard GrowthParameter.schedule.set(.number(ratio), in: &growth) else {
      throw StagingError(
        .invalidValue,
        "moves the schedule by a ratio of \(ratio) at a growth; expected "
          + GrowthParameter.schedule.expected(.key), subject: name)
    }
    return growth
  }
}

extension StagePlan {
  private func check(
    _ target: ModelConfiguration, _ length: RunLength, _ name: String
  ) throws {
    func invalid(_ message: String) -> StagingError {
      StagingError(.invalidValue, message, subject: name)
    }
    if let model = stages.last?.model {
      // Plans do not count the vocabulary.
      let fields = ModelConfiguration.Field.recipe
        .subtracting([.vocabulary, .normEpsilon, .ropeBase])
      let differences = model.differences(from: target, in: fields)
      guard differences.isEmpty else {
        throw invalid(
          "is a plan for another model than the recipe's: \(differences.listed(as: ", the recipe says ")); "
            + "make one with `espalier plan --target` of this recipe")
      }
    }
    guard abs(tokensPerStep / length.tokensPerStep - 1) < 1e-6 else {
      throw invalid(
        "plans with \(Int(exactly: tokensPerStep.rounded()) ?? .max) tokens a step, and the recipe's "
          + "batch has \(Int(exactly: length.tokensPerStep) ?? .max); make a plan for this batch")
    }
    guard let limit = length.steps else { return }
    for (index, stage) in stages.dropLast().enumerated() {
      let moment = stage.effectiveStart + stage.steps
      guard Double(moment) <= limit else {
        throw invalid(
          "stage \(index + 1) is to be grown at step \(moment) of its schedule, but the recipe's run "
            + "is over at step \(Int(bounding: limit)); train for longer, or plan for this length "
            + "(`espalier plan --run-length`)")
      }
    }
  }
}

extension StageModel {
  /// All sizes of a model.
  init(_ model: ModelConfiguration) {
    self.init(
      layerCount: model.layerCount, hiddenSize: model.hiddenSize, headCount: model.headCount,
      keyValueHeadCount: model.keyValueHeadCount, headSize: model.headSize,
      intermediateSize: model.intermediateSize)
  }
}
