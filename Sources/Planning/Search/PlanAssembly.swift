// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput

/// Makes a plan of whole steps from the chain that the search found.
struct PlanAssembly {
  private let request: PlanRequest
  private let chain: GrowthGraph.Chain
  /// The models of the stages, the target last.
  private let models: [ModelCost]
  private let targetSteps: Double

  init(
    _ request: PlanRequest, _ models: [ModelCost], _ chain: GrowthGraph.Chain,
    targetSteps: Double
  ) {
    self.request = request
    self.chain = chain
    self.models = chain.edges.map { models[$0.source] } + [models[models.count - 1]]
    self.targetSteps = targetSteps
  }

  func plan() throws -> StagePlan {
    let target = models[models.count - 1]
    let stages = try stages()
    let law = request.law
    let scratchSteps = try steps(
      law.steps(parameters: Double(target.parameterCount), reaching: stages.last?.loss ?? .nan))
    let scratch = StagePlan.Scratch(
      steps: scratchSteps, flopsBySixN: target.flopsPerStepBySixN * Double(scratchSteps),
      exactFLOPs: target.exactFLOPsPerStep * Double(scratchSteps))
    return StagePlan(
      version: StagePlan.formatVersion, computeCount: request.computeCount, law: law,
      lawSource: request.lawSource, tokensPerStep: request.tokensPerStep, stages: stages,
      scratch: scratch, saving: saving(stages),
      optimalitySlope: law.optimalitySlope(parameters: Double(target.parameterCount)),
      lateExpansion: try lateExpansion(scratchSteps: scratchSteps, target: target),
      notes: PlanNotes(request, models, finalLoss: stages.last?.loss ?? .nan).lines)
  }

  private func steps(_ value: Double?) throws -> Int { max(1, try whole(value)) }

  private func whole(_ value: Double?) throws -> Int {
    guard let value, let steps = Int(exactly: value.rounded()), abs(steps) < 1 << 48 else {
      guard request.undetermined.isEmpty else {
        throw PlanningError.undetermined(request.undetermined)
      }
      throw PlanningError(
        .unreachableGoal,
        "by the law a stage has more steps than any training takes; name a higher loss or less "
          + "compute, or fit longer curves", subject: "law")
    }
    return steps
  }

  private func stages() throws -> [StagePlan.Stage] {
    var stages: [StagePlan.Stage] = []
    var loss: Double?
    for (index, model) in models.enumerated() {
      let size = Double(model.parameterCount)
      let start = loss.flatMap { request.law.steps(parameters: size, reaching: $0) } ?? 0
      let edge = index < chain.edges.count ? chain.edges[index] : nil
      let count = try steps((edge?.moment.smallSteps ?? targetSteps) - start)
      let end = request.law.loss(parameters: size, steps: start + Double(count))
      let growth =
        edge == nil
        ? nil
        : try describe(
          from: model, to: models[index + 1], loss: end, step: start + Double(count))
      stages.append(
        StagePlan.Stage(
          model: model.configuration, parameterCount: model.parameterCount, steps: count,
          effectiveStart: try whole(start), loss: end,
          tokens: Double(count) * request.tokensPerStep,
          flopsBySixN: Double(count) * model.flopsPerStepBySixN,
          exactFLOPs: Double(count) * model.exactFLOPsPerStep, growth: growth))
      loss = end
    }
    return stages
  }

  private func describe(
    from small: ModelCost, to large: ModelCost, loss: Double, step: Double
  ) throws -> StagePlan.Growth {
    let law = request.law
    let target = law.steps(parameters: Double(large.parameterCount), reaching: loss)
    return StagePlan.Growth(
      operation: request.reachable.description(
        from: small.configuration, to: large.configuration),
      sizeRatio: Double(large.parameterCount) / Double(small.parameterCount),
      growthRatio: step / (target ?? .nan),
      slopeThreshold: law.slope(parameters: Double(small.parameterCount), steps: step),
      targetStep: try steps(target))
  }

  /// What these stages save under the law, and under each draw.
  ///
  /// The plan stays as it is; a draw's law says which loss it comes to, and what the target would
  /// have needed from scratch for that.
  private func saving(_ stages: [StagePlan.Stage]) -> StagePlan.Saving {
    let shares = request.draws.compactMap { saving(stages, law: $0) }.sorted()
    let tail = (1 - request.confidence) / 2
    let interval =
      shares.isEmpty
      ? nil
      : LawFit.Interval(
        low: Quantiles.sample(shares, tail), high: Quantiles.sample(shares, 1 - tail))
    return StagePlan.Saving(
      share: saving(stages, law: request.law) ?? 0, interval: interval,
      confidence: interval == nil ? nil : request.confidence)
  }

  private func saving(_ stages: [StagePlan.Stage], law: ScalingLaw) -> Double? {
    var loss: Double?
    var staged = 0.0
    var effective = 0.0
    for (stage, model) in zip(stages, models) {
      let size = Double(model.parameterCount)
      let start = loss.map { law.steps(parameters: size, reaching: $0) } ?? 0
      guard let start else { return nil }
      effective = start + Double(stage.steps)
      loss = law.loss(parameters: size, steps: effective)
      staged += Double(stage.steps) * model.flopsPerStep(request.computeCount)
    }
    let scratch = effective * models[models.count - 1].flopsPerStep(request.computeCount)
    return scratch > 0 ? 1 - staged / scratch : nil
  }

  /// One layer, and none, at the target's width, where they can be grown.
  private func lateExpansion(
    scratchSteps: Int, target: ModelCost
  ) throws -> [StagePlan.LateExpansion] {
    let small = Int(bounding: (Double(scratchSteps) * request.lateExpansionShare).rounded())
    guard small > 0, small < scratchSteps else { return [] }
    return try [1, 0].compactMap { layers in
      var configuration = request.target
      configuration.layerCount = layers
      guard layers < request.target.layerCount,
        request.reachable.obstacle(from: configuration, to: request.target) == nil
      else { return nil }
      let model = try ModelCost(configuration, tokensPerStep: request.tokensPerStep)
      func total(_ cost: (ModelCost) -> Double) -> Double {
        cost(model) * Double(small) + cost(target) * Double(scratchSteps - small)
      }
      let flops = total { $0.flopsPerStep(request.computeCount) }
      return StagePlan.LateExpansion(
        model: configuration, share: request.lateExpansionShare, smallSteps: small,
        targetSteps: scratchSteps - small, flopsBySixN: total(\.flopsPerStepBySixN),
        exactFLOPs: total(\.exactFLOPsPerStep),
        computeSavedAtEqualTokens:
          1 - flops / (target.flopsPerStep(request.computeCount) * Double(scratchSteps)))
    }
  }
}
