// SPDX-License-Identifier: Apache-2.0

extension [GrowthPlan] {
  /// What growths lose by being done in a row, though each alone keeps it.
  ///
  /// Copies that nothing but unequal shares of their output part stay copies in a block whose output
  /// is zero: all shares of zero are equal, and so are the gradients.
  var lostTogether: Guarantees {
    let sharesOnly = contains { plan in
      plan.signalToNoise == nil
        && [GrowthSpace.feedForward, .query, .key, .value].contains { plan.map($0).copyCount > 1 }
    }
    let addsIdentities = contains { plan in plan.layers.contains(where: \.isIdentity) }
    return sharesOnly && addsIdentities ? [.symmetry] : []
  }
}
