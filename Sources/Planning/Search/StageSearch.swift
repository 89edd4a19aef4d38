// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Finds the staged training of least compute, or of least loss, by a law, over real models.
public enum StageSearch {
  /// Plans.
  ///
  /// The search is exact over all chains of the models that ``PlanRequest/reachable`` names: see the
  /// closed form in `GrowthGraph`. The target from scratch is among the candidates where one stage
  /// is allowed.
  ///
  /// - Throws: ``PlanningError`` where the goal is out of reach or the request contradicts itself,
  ///   and `ArchitecturesError` where a model does.
  public static func plan(_ request: PlanRequest) throws -> StagePlan {
    try request.validate()
    let graph = try GrowthGraph(request)
    let goal = try ReachableGoal(request, target: graph.models[graph.models.count - 1])
    let counts = request.stageCounts
    var best: (chain: GrowthGraph.Chain, steps: Double)?
    if counts.lowerBound == 1, let steps = goal.targetSteps(chain: nil) {
      best = (GrowthGraph.Chain(edges: [], cost: 0), steps)
    }
    if counts.upperBound > 1 {
      let growths = max(1, counts.lowerBound - 1)...(counts.upperBound - 1)
      for chain in graph.chains(growths: growths) {
        guard let steps = goal.targetSteps(chain: chain) else { continue }
        if let current = best, current.chain.cost <= chain.cost { continue }
        best = (chain, steps)
      }
    }
    guard let best else { throw goal.noPlan(stages: counts) }
    return try PlanAssembly(request, graph.models, best.chain, targetSteps: best.steps).plan()
  }
}

/// The goal in the target's own steps.
private struct ReachableGoal {
  let request: PlanRequest
  let target: ModelCost

  init(_ request: PlanRequest, target: ModelCost) throws {
    self.request = request
    self.target = target
    let parameters = Double(target.parameterCount)
    guard parameters > 0 else {
      throw PlanningError(
        .invalidValue, "the target has no parameters beside its embeddings; give it layers",
        subject: "target")
    }
    if case .optimality = request.goal {
      guard request.undetermined.isEmpty else {
        throw PlanningError.undetermined(request.undetermined)
      }
      guard request.law.optimalSteps(parameters: parameters) < 0x1p48 else {
        throw PlanningError(
          .unreachableGoal,
          "by the law the target is trained just long enough only after more steps than any training "
            + "takes; name a loss or an amount of compute, or fit longer curves", subject: "law")
      }
    }
    if case .loss(let loss) = request.goal,
      request.law.steps(parameters: parameters, reaching: loss) == nil
    {
      throw PlanningError(
        .unreachableGoal,
        "\(loss) nats; by the law a model of \(target.parameterCount) parameters never gets below "
          + "\((request.law.floor(parameters: parameters) * 1e4).rounded(.up) / 1e4); choose a higher loss or a larger target",
        subject: "loss")
    }
  }

  /// The effective step of the target at which a chain meets the goal; nil where it would have to
  /// end before its last growth.
  func targetSteps(chain: GrowthGraph.Chain?) -> Double? {
    let parameters = Double(target.parameterCount)
    let steps: Double? =
      switch request.goal {
      case .optimality: request.law.optimalSteps(parameters: parameters)
      case .loss(let loss): request.law.steps(parameters: parameters, reaching: loss)
      case .compute(let flops):
        (flops - (chain?.cost ?? 0)) / target.flopsPerStep(request.computeCount)
      }
    guard let steps, steps.isFinite, steps >= 1 else { return nil }
    guard let last = chain?.edges.last else { return steps }
    return steps >= last.moment.largeSteps + 1 ? steps : nil
  }

  func noPlan(stages: ClosedRange<Int>) -> PlanningError {
    PlanningError(
      .unreachableGoal,
      "no schedule of \(stages.lowerBound) to \(stages.upperBound) stages meets the goal: with so "
        + "little training no growth pays, or no smaller model can be grown into the target; allow "
        + "one stage, or raise the budget", subject: "stages")
  }
}
