// SPDX-License-Identifier: Apache-2.0

extension [GrowthPlan] {
  /// What growths lose by being done in a row, though each alone keeps it.
  ///
  /// Noise of several growths adds up, and so does what it makes of rounding.
  var lostTogether: Guarantees {
    let lost: Guarantees = RoundingGain(self).keepsFunction ? [] : [.loss]
    return lost.union(lostByShares)
  }

  /// Copies that nothing but unequal shares of their output part stay copies in a block whose output
  /// is zero: all shares of zero are equal, and so are the gradients.
  private var lostByShares: Guarantees {
    let sharesOnly = contains { plan in
      plan.signalToNoise == nil
        && [GrowthSpace.feedForward, .query, .key, .value].contains { plan.map($0).copyCount > 1 }
    }
    let addsIdentities = contains { plan in plan.layers.contains(where: \.isIdentity) }
    return sharesOnly && addsIdentities ? [.symmetry] : []
  }

  /// The plans without what they lose where the model comes from other growths and has not trained since.
  ///
  /// Earlier noise takes nothing: the small model's own rounding has grown by it as well.
  ///
  /// - Parameter earlier: the growths that made it; none for a model that has trained.
  func after(_ earlier: [GrowthPlan]) -> [GrowthPlan] {
    let lost = (earlier + self).lostByShares
    guard !lost.isEmpty else { return self }
    return map { plan in
      var plan = plan
      plan.guarantees.subtract(lost)
      return plan
    }
  }
}
