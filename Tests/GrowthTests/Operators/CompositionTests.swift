// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import SeededRandom
import Testing

struct CompositionTests {
  /// Growths that fit the model before or after any other of them.
  static func growths(of model: ModelConfiguration) -> [any GrowthOperator] {
    let heads = 3 * model.headCount
    return [
      WidthGrowth(factor: 2), WidthGrowth(factor: 2, form: .divided, symmetry: .kept),
      DepthGrowth(to: model.layerCount + 1),
      FeedForwardGrowth(to: 2 * model.intermediateSize + 3),
      FeedForwardGrowth(to: 2 * model.intermediateSize + 1, units: .new),
      HeadGrowth(queryHeads: heads, keyValueHeads: 3 * model.keyValueHeadCount),
      HeadSizeGrowth(to: 2 * model.headSize),
      ResidualGrowth(to: 2 * model.hiddenSize + 1), VocabularyGrowth(to: 13),
      ContextGrowth(to: 9),
    ]
  }

  @Test(arguments: ModelConfiguration.families) func twoGrowthsKeepWhatBothPromise(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 20)
    let growths = Self.growths(of: model)
    var pairs = 0
    for first in growths.indices {
      for second in growths.indices where first != second {
        let both = GrowthSequence([growths[first], growths[second]])
        // A size that holds before a factor of the width may be too small after it.
        guard let plans = try? both.plans(from: model), plans.count == 2 else { continue }
        pairs += 1
        let grown = try GrownModel(plans, of: small)
        #expect(grown.logitsError < 1e-12, "\(plans.map(\.operation))")
        try grown.checkPromisesHold()
      }
    }
    #expect(pairs >= 80)
  }

  /// Queries beside zero keys, in blocks whose output is zero as well, learn from the third step on.
  @Test(arguments: ModelConfiguration.families) func zerosThatWaitForZerosAreNotPromisedAlive(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 24)
    let (depth, heads) = (DepthGrowth(factor: 2), HeadSizeGrowth(to: 8))
    for growth in [depth.then(heads), heads.then(depth)] {
      let grown = try GrownModel(growth, of: small)
      #expect(grown.guarantees == [.loss, .moments, .symmetry])
      #expect(try grown.deadEntries() != [])
    }
    let fresh = heads.then(DepthGrowth(factor: 2, block: .freshIdentity))
    let grown = try GrownModel(fresh, of: small)
    #expect(grown.guarantees.contains(.liveness))
    try grown.checkPromisesHold()
  }

  /// Whatever is new in a block whose norms are zero waits for its inputs.
  @Test func newUnitsInBlocksWithoutInputsAreNotPromisedAlive() throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    let small = try SmallModel(model, seed: 26)
    let depth = DepthGrowth(factor: 2, block: .identityByNorm)
    #expect(try depth.guarantees(from: model).contains(.liveness))
    let others: [any GrowthOperator] = [
      FeedForwardGrowth(to: 12, units: .new), HeadSizeGrowth(to: 6),
    ]
    for other in others {
      for pair in [[depth, other], [other, depth]] {
        let grown = try GrownModel(GrowthSequence(pair), of: small)
        #expect(!grown.guarantees.contains(.liveness))
        #expect(try grown.deadEntries() != [], "\(grown.plans.map(\.operation))")
      }
    }
    // Biases bring inputs to the second step, so copies and a wider stream need not wait.
    let copies = FeedForwardGrowth(to: 12)
    let wider = ResidualGrowth(to: 12)
    for growth in [depth.then(copies), copies.then(depth), depth.then(wider), wider.then(depth)] {
      let grown = try GrownModel(growth, of: small)
      #expect(grown.guarantees.contains(.liveness))
      try grown.checkPromisesHold()
    }
  }

  /// Along different axes the order changes neither what is reached nor what is computed.
  @Test(arguments: ModelConfiguration.families) func axesCanBeGrownInEitherOrder(
    _ model: ModelConfiguration
  ) throws {
    let axes = Array(Self.growths(of: model)[5...])
    for first in axes.indices {
      for second in axes.indices where first < second {
        let ahead = GrowthSequence([axes[first], axes[second]])
        let back = GrowthSequence([axes[second], axes[first]])
        #expect(try ahead.target(from: model) == back.target(from: model))
        #expect(try ahead.guarantees(from: model) == back.guarantees(from: model))
      }
    }
  }

  @Test(arguments: 0..<24) func randomModelsGrowAlongEveryAxis(_ seed: UInt64) throws {
    let model = ModelConfiguration.random(seed: seed)
    let small = try SmallModel(model, seed: seed)
    var random = SplitMix64(seed: seed)
    func more(_ size: Int) -> Int { size + Int.random(in: 1...2 * size + 1, using: &random) }
    let factor = Int.random(in: 2...3, using: &random)
    let groups = more(model.keyValueHeadCount)
    let groupSize = more(model.headCount / model.keyValueHeadCount)
    let growths: [any GrowthOperator] = [
      FeedForwardGrowth(to: more(model.intermediateSize)),
      FeedForwardGrowth(to: more(model.intermediateSize), units: .new),
      HeadGrowth(queryHeads: groups * groupSize, keyValueHeads: groups),
      HeadSizeGrowth(
        to: model.family == .llama ? factor * model.headSize : more(model.headSize)),
      ResidualGrowth(to: more(model.hiddenSize)), ContextGrowth(to: more(model.contextLength)),
    ]
    for growth in growths {
      try GrownModel(growth.plans(from: model), of: small).checkPromisesHold()
    }
    let all = GrowthSequence([1, 2, 3, 4, 5].map { growths[$0] }.shuffled(using: &random))
    let grown = try GrownModel(all, of: small)
    #expect(grown.plans.count == 5)
    try grown.checkPromisesHold()
  }
}
