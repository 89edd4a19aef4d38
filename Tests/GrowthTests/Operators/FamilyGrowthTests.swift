// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

/// Growth of every family, against what transformers computes for the small models.
struct FamilyGrowthTests {
  /// A growth with its name, for messages.
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let growth: @Sendable (ModelConfiguration) -> any GrowthOperator

    static let all = [
      Case("width") { _ in WidthGrowth(factor: 2) },
      Case("width × 3, no noise") { _ in WidthGrowth(factor: 3, symmetry: .kept) },
      Case("width, divided, split") { _ in
        WidthGrowth(factor: 2, form: .divided, symmetry: .split)
      },
      Case("depth") { _ in DepthGrowth(factor: 2) },
      Case("depth, new blocks") { model in
        DepthGrowth(to: model.layerCount + 1, block: .freshIdentity, placement: .middle)
      },
      Case("feed-forward") { model in FeedForwardGrowth(to: model.intermediateSize + 5) },
      Case("feed-forward, new units") { model in
        FeedForwardGrowth(to: 2 * model.intermediateSize, units: .new)
      },
      Case("all") { model in
        WidthGrowth(factor: 2).then(FeedForwardGrowth(to: 3 * model.intermediateSize))
          .then(DepthGrowth(factor: 2))
      },
    ]

    init(
      _ description: String,
      _ growth: @escaping @Sendable (ModelConfiguration) -> any GrowthOperator
    ) {
      self.description = description
      self.growth = growth
    }
  }

  @Test(arguments: FamilyGolden.all, Case.all) func promisesHold(
    _ golden: FamilyGolden, _ test: Case
  ) throws {
    let small = try SmallModel(golden)
    let grown = try GrownModel(
      GrowthSequence([test.growth(small.configuration)]), of: small)
    #expect(grown.guarantees.contains(.loss))
    let logits = try golden.logits()
    #expect(relativeError(grown.result.logits, logits) < 1e-10)
    try grown.checkPromisesHold()
  }

  @Test(arguments: FamilyGolden.all) func residualWidthKeepsTheLoss(
    _ golden: FamilyGolden
  ) throws {
    let small = try SmallModel(golden)
    let growth = ResidualGrowth(to: small.configuration.hiddenSize + 8)
    let traits = small.configuration.traits
    guard traits.gain != .none, !traits.queryKeyNorm else {
      let error = #expect(throws: GrowthError.self) {
        try growth.plans(from: small.configuration)
      }
      #expect(error?.code == .unreachable)
      return
    }
    let grown = try GrownModel(growth, of: small)
    try grown.checkPromisesHold()
  }

  @Test(arguments: FamilyGolden.all) func headsKeepTheLoss(_ golden: FamilyGolden) throws {
    let small = try SmallModel(golden)
    let model = small.configuration
    let grown = try GrownModel(
      HeadGrowth(queryHeads: 2 * model.headCount, keyValueHeads: 2 * model.keyValueHeadCount),
      of: small)
    try grown.checkPromisesHold()
  }

  @Test func headsThatTurnInPartAreRefused() throws {
    for name in ["gpt_neox", "qwen3"] {
      let model = try FamilyGolden(name: name).directory().configuration.model
      let error = #expect(throws: GrowthError.self) {
        try HeadSizeGrowth(to: 2 * model.headSize).plans(from: model)
      }
      #expect(error?.code == .unreachable)
    }
  }

  @Test(
    "Whichever experts a token takes, they compute what the feed-forward did",
    arguments: ["llama", "mistral"], [(4, 2, 1), (8, 2, 2), (12, 4, 4), (3, 1, 1)])
  func expertsKeepTheLoss(_ name: String, _ numbers: (Int, Int, Int)) throws {
    let golden = FamilyGolden(name: name)
    let small = try SmallModel(golden)
    let (count, perToken, parts) = numbers
    let grown = try GrownModel(
      ExpertGrowth(count: count, perToken: perToken, parts: parts), of: small)
    #expect(grown.configuration.family == .mixtral)
    #expect(relativeError(grown.result.logits, try golden.logits()) < 1e-10)
    try grown.checkPromisesHold()
    let wider = try GrownModel(
      ExpertGrowth(count: count, perToken: perToken, parts: parts)
        .then(WidthGrowth(factor: 2)).then(DepthGrowth(factor: 2)), of: small)
    #expect(relativeError(wider.result.logits, try golden.logits()) < 1e-10)
  }

  @Test func expertsThatCannotBeAreRefused() throws {
    func code(_ name: String, _ growth: ExpertGrowth) throws -> GrowthError.Code? {
      let model = try FamilyGolden(name: name).directory().configuration.model
      return #expect(throws: GrowthError.self) { try growth.plans(from: model) }?.code
    }
    #expect(try code("gemma", ExpertGrowth(count: 4)) == .unreachable)
    #expect(try code("phi3", ExpertGrowth(count: 4)) == .unreachable)
    #expect(try code("mixtral", ExpertGrowth(count: 4)) == .invalidOptions)
    #expect(try code("llama", ExpertGrowth(count: 4, perToken: 4)) == .invalidOptions)
    #expect(try code("llama", ExpertGrowth(count: 6, perToken: 3, parts: 2)) == .invalidOptions)
  }
}
