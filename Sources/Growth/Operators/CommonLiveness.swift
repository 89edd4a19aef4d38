// SPDX-License-Identifier: Apache-2.0

extension [GrowthPlan] {
  /// The plans without ``Guarantee/liveness`` where zeros of one growth wait for zeros of another.
  ///
  /// Each growth leaves products of a zero and a value, so that the zero learns at once and the
  /// value from the second step on. A product of two zeros and a value takes until the third: new
  /// keys are zero and wait, in a block that adds nothing, for its output; in blocks whose norms are
  /// zero, any new units wait for their inputs.
  ///
  /// A router that chooses one expert always gives it the weight 1, and never learns.
  func withCommonLiveness() -> [GrowthPlan] {
    let routerLearns = last?.target.traits.experts?.perToken != 1
    let isAlive = routerLearns && indices.allSatisfy { isAliveInTwoSteps(after: $0) }
    guard !isAlive else { return self }
    return map { plan in
      var plan = plan
      plan.guarantees.remove(.liveness)
      return plan
    }
  }

  /// Whether the blocks that one growth adds do not delay what others add.
  private func isAliveInTwoSteps(after index: Int) -> Bool {
    let plan = self[index]
    let blocks = plan.layers.filter(\.isIdentity)
    if blocks.isEmpty { return true }
    if plan.source.layerCount == 0, contains(where: { $0.normScale != 1 }) { return false }
    let byNorm = blocks.contains { if case .identityByNorm = $0 { true } else { false } }
    if byNorm, contains(where: \.startsUnits) { return false }
    // Blocks that are not copies have no zero keys of earlier growths.
    let copies = blocks.contains { $0.layer != nil }
    return !(copies ? self[...] : self[index...]).contains {
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
