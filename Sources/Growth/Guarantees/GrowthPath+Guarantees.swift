// SPDX-License-Identifier: Apache-2.0
import Training

extension GrowthPath {
  /// What all steps promise, but for what they lose together.
  public var guarantees: Guarantees {
    let plans = plans
    return plans.reduce(Set(Guarantee.allCases)) { $0.intersection($1.guarantees) }
      .subtracting(Self.lostTogether(plans))
  }

  /// What the path promises of a training that is carried on as its options say.
  ///
  /// - Parameter status: where the small model stands in its training; nil for weights alone.
  public func guarantees(of status: TrainingStatus?) -> Guarantees {
    guarantees(
      hasMoments: (status?.progress.steps ?? 0) > 0, under: status?.training.optimizer)
  }

  /// What the path promises of a training, by its parts: moments that were not mapped are not what Adam would
  /// hold, a rate of their own takes new entries elsewhere than the copied ones, and the steps of some
  /// optimizers do not follow from γ.
  ///
  /// - Parameters:
  ///   - hasMoments: whether the small model has any.
  ///   - optimizer: what trains on; nil where nothing does.
  package func guarantees(
    hasMoments: Bool, under optimizer: OptimizerConfiguration?
  ) -> Guarantees {
    var kept = guarantees
    if options.moments != .mapped, hasMoments { kept.subtract([.moments, .trajectory]) }
    if options.newEntryRate != nil { kept.remove(.trajectory) }
    if optimizer?.keepsTrajectory == false { kept.remove(.trajectory) }
    return kept
  }

  /// Plans without what they lose where the model comes from other growths and has not trained since.
  ///
  /// Earlier noise takes nothing: the small model's own rounding has grown by it as well.
  ///
  /// - Parameter earlier: the growths that made it; none for a model that has trained.
  static func plans(_ plans: [GrowthPlan], after earlier: [GrowthPlan]) -> [GrowthPlan] {
    Self.plans(plans, without: lostByShares(earlier + plans))
  }

  /// Plans without ``Guarantee/liveness`` where zeros of one growth wait for zeros of another.
  ///
  /// Each growth leaves products of a zero and a value, so that the zero learns at once and the
  /// value from the second step on. A product of two zeros and a value takes until the third: new
  /// keys are zero and wait, in a block that adds nothing, for its output; in blocks whose norms are
  /// zero, any new units wait for their inputs.
  ///
  /// A router that chooses one expert always gives it the weight 1, and never learns.
  static func withCommonLiveness(_ plans: [GrowthPlan]) -> [GrowthPlan] {
    let routerLearns = plans.last?.target.traits.experts?.perToken != 1
    let isAlive = routerLearns && plans.indices.allSatisfy { isAliveInTwoSteps(plans, after: $0) }
    return Self.plans(plans, without: isAlive ? [] : [.liveness])
  }

  private static func plans(_ plans: [GrowthPlan], without lost: Guarantees) -> [GrowthPlan] {
    guard !lost.isEmpty else { return plans }
    return plans.map { plan in
      var plan = plan
      plan.guarantees.subtract(lost)
      return plan
    }
  }

  /// What growths lose by being done in a row, though each alone keeps it.
  ///
  /// Noise of several growths adds up, and so does what it makes of rounding.
  private static func lostTogether(_ plans: [GrowthPlan]) -> Guarantees {
    let lost: Guarantees = RoundingGain(plans).keepsFunction ? [] : [.loss]
    return lost.union(lostByShares(plans))
  }

  /// Copies that nothing but unequal shares of their output part stay copies in a block whose output
  /// is zero: all shares of zero are equal, and so are the gradients.
  private static func lostByShares(_ plans: [GrowthPlan]) -> Guarantees {
    let sharesOnly = plans.contains { plan in
      plan.signalToNoise == nil
        && [GrowthSpace.feedForward, .query, .key, .value].contains { plan.map($0).copyCount > 1 }
    }
    let addsIdentities = plans.contains { plan in plan.layers.contains(where: \.isIdentity) }
    return sharesOnly && addsIdentities ? [.symmetry] : []
  }

  /// Whether the blocks that one growth adds do not delay what others add.
  private static func isAliveInTwoSteps(_ plans: [GrowthPlan], after index: Int) -> Bool {
    let plan = plans[index]
    let blocks = plan.layers.filter(\.isIdentity)
    if blocks.isEmpty { return true }
    if plan.source.layerCount == 0, plans.contains(where: { $0.normScale != 1 }) { return false }
    let byNorm = blocks.contains { if case .identityByNorm = $0 { true } else { false } }
    if byNorm, plans.contains(where: \.startsUnits) { return false }
    // Blocks that are not copies have no zero keys of earlier growths.
    let copies = blocks.contains { $0.layer != nil }
    return !(copies ? plans[...] : plans[index...]).contains {
      $0.target.headSize > $0.source.headSize
    }
  }
}

extension GrowthPlan {
  /// Whether some units inside the blocks are no copies.
  fileprivate var startsUnits: Bool {
    [GrowthSpace.query, .key, .value, .attended, .feedForward].contains {
      !map($0).runs.allSatisfy(\.hasUnits)
    }
  }
}
