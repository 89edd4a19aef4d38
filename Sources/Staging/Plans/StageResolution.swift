// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Planning
import Training
import Wording

extension Recipe {
  /// The models of a run that begins, and the stages that lead to them; no plan for a run of one model.
  ///
  /// - Parameter name: the recipe's file, for messages.
  /// - Throws: ``StagingError``; `TensorsError` for a model that memory does not hold; `PlanningError` where
  ///   runs cannot be fitted or a plan's file cannot be read; `TrainingError` where no rates follow from the
  ///   parametrization's base; `ArchitecturesError` for sizes that contradict each other.
  func settled(
    name: String, startsFromCheckpoint: Bool
  ) throws -> (plan: RunPlan?, models: RunModels?) {
    guard !startsFromCheckpoint, let model else {
      return (nil, try models(following: nil, tokenizerVocabularySize: nil))
    }
    let vocabularySize = tokenizerVocabularySize
    // Sizes that contradict each other, or that no memory holds, are found before the text is prepared.
    let one = try RunModels([], of: model, tokenizerVocabularySize: vocabularySize)
    let target = one.target
    try TrainingMemory.check(target, training, subject: "\(name): model")
    do {
      try training.schedule.checkWarmup(training.batch, of: target)
      guard !stages.isEmpty || planning != nil else { return (nil, one) }
      let plan = try StageResolution(self, target: target).plan()
      let models = try RunModels(plan.stages, of: model, tokenizerVocabularySize: vocabularySize)
      if plan.origin == .recipe {
        try checkUse(in: models)
        try RunForecast(models, training: training).checkRises()
      }
      try models.checkSlopes()
      try training.checkParametrization(of: models)
      return (plan, models)
    } catch let error as StagingError
      where error.code == .runUnavailable || error.code == .unreadableFile
    {
      throw StagingError(
        .dataUnavailable, "no stages can be planned: \(error)", subject: "\(name): stages")
    } catch let error as StagingError where !error.subject.hasPrefix(name) {
      throw StagingError(error.code, error.message, subject: "\(name): \(error.subject)")
    } catch let error as PlanningError {
      throw StagingError(
        error.code == .fileUnavailable ? .dataUnavailable : .invalidValue,
        "no stages can be planned: \(error.subject == "stages" ? error.message : "\(error)")",
        subject: "\(name): stages")
    }
  }

  /// Checks that what a new run's growths are told has something to speak of.
  private func checkUse(in models: RunModels) throws {
    // As the recipe has them: a plan has what is left to defaults written out.
    for (index, stage) in stages.enumerated() {
      guard let growth = stage.growth, models.growths.indices.contains(index),
        let useless = growth.useless(
          from: models.models[index], to: models.models[index + 1], .key)
      else { continue }
      throw StagingError(
        .invalidValue, useless.message, subject: "stages[\(index)].grow.\(useless.parameter.name)")
    }
  }

  /// The models of a run that has settled its stages.
  ///
  /// - Parameter vocabularySize: the tokenizer's; nil where it is not known.
  /// - Returns: nil where a checkpoint brings the model.
  func models(
    following plan: RunPlan?, tokenizerVocabularySize vocabularySize: Int?
  ) throws -> RunModels? {
    try model.map {
      try RunModels(plan?.stages ?? [], of: $0, tokenizerVocabularySize: vocabularySize)
    }
  }
}

/// Settles the stages of a new run: those that its recipe lists, or those that a planner finds.
private struct StageResolution {
  private let recipe: Recipe
  private let target: ModelConfiguration
  private let length: RunLength

  /// - Parameter target: the recipe's model, of which plans count no embeddings.
  init(_ recipe: Recipe, target: ModelConfiguration) {
    self.recipe = recipe
    self.target = target
    length = RunLength(recipe.training, contextLength: target.contextLength)
  }

  /// The stages, all of which can be grown into the next.
  ///
  /// - Throws: ``StagingError``; `PlanningError` where runs cannot be fitted or a plan's file cannot
  ///   be read.
  func plan() throws -> RunPlan {
    return
      switch recipe.planning
    {
    case nil: RunPlan(origin: .recipe, stages: recipe.stages)
    case .automatic(let request): try automatic(request)
    case .lateExpansion(let request): try lateExpansion(request)
    case .plan(let file): try followed(file)
    }
  }

  private func automatic(_ request: AutomaticStages) throws -> RunPlan {
    var search = try search(request.law)
    search.stageCounts = 1...request.mostStages
    search.latestGrowthStep = length.latestGrowthStep
    search.goal = try goal(request.goal, by: search.law)
    let plan = try StageSearch.plan(search)
    let name = "stages: auto"
    var followed = try plan.followed(for: target, length: length, name: name)
    if plan.stages.count == 1 { followed.notes.append(Self.noGrowth(plan)) }
    return RunPlan(
      origin: .automatic, stages: followed.stages, plan: plan, notes: followed.notes)
  }

  private func search(_ law: AutomaticStages.Law) throws -> PlanRequest {
    switch law {
    case .kaplan:
      return PlanRequest(target: target, tokensPerStep: length.tokensPerStep)
    case .fit(let runs, let firstStep, let irreducible):
      let fit = try LawFitter(hasIrreducibleLoss: irreducible, firstStep: firstStep)
        .fit(runs.map { try LossCurve(run: $0) })
      return PlanRequest(target: target, tokensPerStep: length.tokensPerStep, fit: fit)
    }
  }

  private func goal(_ goal: AutomaticStages.Goal, by law: ScalingLaw) throws -> PlanGoal {
    switch goal {
    case .loss(let loss): return .loss(loss)
    case .compute(let flops): return .compute(flops)
    case .runLength:
      guard let goal = try PlanGoal(reachedBy: target, after: length, law: law) else {
        throw StagingError(
          .missingKey,
          "plans for the run's length; give schedule.total or stop.after in steps or tokens, or the "
            + "plan's loss or compute", subject: "stages: auto")
      }
      return goal
    }
  }

  private static func noGrowth(_ plan: StagePlan) -> String {
    "Growth does not pay in this run by the law (\(plan.lawSource)): no smaller model is worth growing "
      + "within \(counted(plan.scratch.steps, "step")). The model is trained in one stage, from scratch"
  }

  private func followed(_ file: URL) throws -> RunPlan {
    let plan = try StagePlan(reading: file)
    let followed = try plan.followed(
      for: target, length: length, name: file.path(percentEncoded: false))
    return RunPlan(origin: .plan, stages: followed.stages, plan: plan, notes: followed.notes)
  }
}

extension PlanGoal {
  /// The loss that a law expects of a model after a run of some length from scratch.
  ///
  /// - Returns: nil where the length is not known in steps.
  package init?(
    reachedBy target: ModelConfiguration, after length: RunLength, law: ScalingLaw
  ) throws {
    guard let steps = length.steps else { return nil }
    let parameters = Double(try target.parameterCount().withoutEmbeddings)
    guard parameters > 0 else { return nil }
    self = .loss(law.loss(parameters: parameters, steps: steps))
  }
}

extension StageResolution {
  /// The share of the run at which the published experiments expand.
  private static let expansionShare = 0.8

  private func lateExpansion(_ request: LateExpansionRecipe) throws -> RunPlan {
    let stable = length.stableShare ?? 1
    let share = request.share ?? min(Self.expansionShare, stable)
    guard share > 0, share <= stable else {
      throw StagingError(
        .invalidValue,
        "the model is to be expanded at \(Self.percent(share)) of the run, after the decay began at "
          + "\(Self.percent(stable)); expand before, or shorten schedule.decay",
        subject: "stages: lateExpansion")
    }
    var growth = GrowthDescription()
    growth.layers = .count(target.layerCount)
    growth.schedule = .kept
    let stages = [
      StageRecipe(
        model: StageModel(layerCount: request.layerCount), until: try end(share), growth: growth),
      StageRecipe(),
    ]
    return RunPlan(
      origin: .lateExpansion, stages: stages,
      notes: [try expansionNote(request.layerCount, share: share)])
  }

  /// A share of the schedule, or of the run where a constant rate has no end.
  private func end(_ share: Double) throws -> StageEnd {
    if recipe.training.schedule.total != nil { return .share(share) }
    guard let after = recipe.training.stop.after, after.measure != .seconds else {
      throw StagingError(
        .missingKey,
        "expands at a share of the run; give schedule.total or stop.after in steps, tokens or FLOPs",
        subject: "stages: lateExpansion")
    }
    return .after(after.times(share))
  }

  private func expansionNote(_ layers: Int, share: Double) throws -> String {
    var small = target
    small.layerCount = layers
    let costs = try [small, target].map {
      try ModelCost($0, tokensPerStep: length.tokensPerStep).exactFLOPsPerStep
    }
    let saved = share * (1 - costs[0] / costs[1])
    return
      "Late expansion: \(layers) of \(target.layerCount) layers until \(Self.percent(share)) of the "
      + "run, \(Self.percent(saved)) less compute than as many tokens from scratch. What it gives up in "
      + "loss no law tells; compare with a run from scratch"
  }

  private static func percent(_ share: Double) -> String {
    "\((share * 1000).rounded() / 10) %"
  }
}
