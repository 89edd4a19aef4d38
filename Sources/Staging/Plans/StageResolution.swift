// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Planning
import Training
import Wording

/// Settles the stages of a new run: those that its recipe lists, or those that a planner finds.
struct StageResolution {
  private let recipe: Recipe
  private let target: ModelConfiguration
  private let length: RunLength

  /// Nil for a recipe without stages.
  init?(_ recipe: Recipe) throws {
    guard !recipe.stages.isEmpty || recipe.planning != nil, let model = recipe.model else {
      return nil
    }
    self.recipe = recipe
    // Plans count no embeddings, so that any vocabulary will do.
    target = try model.configuration(
      tokenizerVocabularySize: recipe.vocabularySize ?? model.vocabularySize ?? 257)
    length = RunLength(recipe.training, contextLength: target.contextLength)
  }

  /// The stages, all of which can be grown into the next.
  ///
  /// - Throws: ``StagingError``; `PlanningError` where runs cannot be fitted or a plan's file cannot
  ///   be read.
  func plan() throws -> RunPlan {
    try checkUse(recipe.stages)
    let plan =
      switch recipe.planning {
      case nil: RunPlan(origin: .recipe, stages: recipe.stages)
      case .automatic(let request): try automatic(request)
      case .lateExpansion(let request): try lateExpansion(request)
      case .plan(let file): try followed(file)
      }
    try recipe.training.checkParametrization(
      of: StagedModels(plan.stages, target: target).models)
    return plan
  }

  /// Checks that what a new run's growths are told has something to speak of; defaults do no harm.
  private func checkUse(_ stages: [StageRecipe]) throws {
    for (index, stage) in stages.enumerated() {
      guard let growth = stage.growth, let useless = growth.useless.first else { continue }
      throw StagingError(
        .invalidValue,
        "does nothing without \(useless.speaksOf.joined(separator: " or ")); remove it",
        subject: "stages[\(index)].grow.\(useless.name)")
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
