// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import SeededRandom
import Testing

struct ConfigurationGrowthTests {
  /// What a growth must reach, but for ε, which follows the padding.
  private func expectReached(
    _ growth: ConfigurationGrowth, from model: ModelConfiguration,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    var reached = try growth.target(from: model)
    #expect(
      reached.normEpsilon <= model.normEpsilon && reached.logitScale <= model.logitScale,
      sourceLocation: location)
    reached.normEpsilon = growth.configuration.normEpsilon
    reached.logitScale = growth.configuration.logitScale
    #expect(reached == growth.configuration, sourceLocation: location)
  }

  @Test(arguments: ModelConfiguration.families) func oneStepReachesAnotherSize(
    _ model: ModelConfiguration
  ) throws {
    var target = model
    target.layerCount = 3
    target.hiddenSize = 16
    target.headCount = 4
    target.keyValueHeadCount = 4
    target.intermediateSize = 17
    let small = try SmallModel(model, seed: 21)
    for form in WidthGrowth.Form.allCases {
      for symmetry in [WidthGrowth.Symmetry.noise(signalToNoise: 10), .split, .kept] {
        let growth = ConfigurationGrowth(to: target, form: form, symmetry: symmetry)
        try expectReached(growth, from: model)
        let grown = try GrownModel(growth, of: small)
        #expect(
          grown.plans.map(\.operation) == [
            "width × 2", "feed-forward 14 → 17 (duplicate)", "depth 2 → 3 (identityByOutput)",
          ])
        #expect(grown.guarantees.contains(.loss))
        try grown.checkPromisesHold()
      }
    }
  }

  @Test(arguments: ModelConfiguration.families) func everyAxisAtOnce(
    _ model: ModelConfiguration
  ) throws {
    var target = model
    target.layerCount = 5
    target.hiddenSize = 19
    target.headCount = 15
    target.keyValueHeadCount = 5
    target.headSize = 8
    target.intermediateSize = 12
    target.contextLength = 10
    let small = try SmallModel(model, seed: 22)
    for block in [DepthGrowth.Block.identityByOutput, .freshIdentity, .identityByNorm] {
      for units in FeedForwardGrowth.Units.allCases {
        if block == .identityByNorm, model.family == .llama { continue }
        let growth = ConfigurationGrowth(to: target, feedForward: units, block: block)
        try expectReached(growth, from: model)
        let grown = try GrownModel(growth, of: small)
        #expect(grown.guarantees.isSuperset(of: [.loss, .symmetry]))
        #expect(grown.guarantees.contains(.moments) == (model.family == .llama))
        #expect(grown.guarantees.contains(.liveness) == (block == .freshIdentity))
        try grown.checkPromisesHold()
        // What lacks the promise really is not alive yet.
        #expect(try grown.deadEntries().isEmpty == (block == .freshIdentity))
      }
    }
    target.vocabularySize = 15
    let guarantees = try ConfigurationGrowth(to: target).guarantees(from: model)
    #expect(!guarantees.contains(.loss) && !guarantees.contains(.moments))
    try expectReached(ConfigurationGrowth(to: target), from: model)
  }

  @Test(arguments: GoldenModel.all) func float32IsGrownAsFloat64Is(_ golden: GoldenModel) throws {
    let model = try golden.configuration()
    var target = model
    target.layerCount = 3
    target.hiddenSize = 51
    target.headCount = 8
    target.headSize = 2 * model.headSize
    target.intermediateSize = 100
    target.vocabularySize = 140
    let path = try ConfigurationGrowth(to: target).path(
      from: model, options: GrowthOptions(seed: 3))
    let single = try path.grown(values: golden.parameters())
    let double = try path.grown(
      values: golden.parameters().map { $0.floats.map(Double.init) })
    for (single, double) in zip(single, double) where double.contains(where: { $0 != 0 }) {
      #expect(relativeError(single.floats, double) < 1e-6)
    }
  }

  @Test(arguments: [0, 1]) func modelsOfFewLayersGrowStraightToFullSize(_ layers: Int) throws {
    for family in ModelConfiguration.families {
      var model = family
      model.layerCount = layers
      var target = model
      target.layerCount = 4
      target.hiddenSize = 13
      target.headCount = 3
      target.keyValueHeadCount = 3
      let growth = ConfigurationGrowth(to: target)
      try expectReached(growth, from: model)
      let grown = try GrownModel(growth, of: SmallModel(model, seed: 23))
      #expect(grown.guarantees.contains(.loss))
      #expect(grown.guarantees.contains(.liveness) == (layers > 0))
      try grown.checkPromisesHold()
    }
  }

  /// Repeating the width leaves no zeros where padding would.
  @Test func modelsWithoutLayersGrowByWholeFactors() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true, layers: 0)
    var target = model
    target.hiddenSize = 16
    target.headCount = 4
    target.keyValueHeadCount = 4
    target.intermediateSize = 14
    try expectReached(ConfigurationGrowth(to: target), from: model)
    target.hiddenSize = 17
    let error = #expect(throws: GrowthError.self) {
      try ConfigurationGrowth(to: target).plans(from: model)
    }
    #expect(error?.code == .deadParameters)
  }

  @Test(arguments: 0..<20) func randomConfigurationsAreReachedOrRefused(_ seed: UInt64) throws {
    let model = ModelConfiguration.random(seed: seed)
    var target = ModelConfiguration.random(seed: seed + 1000)
    target.hiddenSize += 8
    target.headSize = (seed.isMultiple(of: 3) ? 1 : 2) * model.headSize
    let growth = ConfigurationGrowth(to: target)
    do {
      let grown = try GrownModel(growth, of: SmallModel(model, seed: seed))
      try expectReached(growth, from: model)
      try grown.checkPromisesHold()
    } catch let error as GrowthError {
      #expect(error.code == .unreachable)
      let isSmaller =
        target.layerCount < model.layerCount || target.headCount < model.headCount
        || target.keyValueHeadCount < model.keyValueHeadCount
        || target.intermediateSize < model.intermediateSize
        || target.hiddenSize < model.hiddenSize
      #expect(isSmaller || error.message.contains("query heads would do"), "\(error)")
    }
  }

  @Test func everyFieldInTheWayIsNamed() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true, heads: 4, keyValueHeads: 2)
    var target = model
    target.tiesHead = false
    target.layerCount = 1
    target.hiddenSize = 7
    target.headCount = 6
    target.keyValueHeadCount = 1
    target.headSize = 6
    target.intermediateSize = 5
    target.vocabularySize = 10
    target.contextLength = 6
    let error = #expect(throws: GrowthError.self) {
      try ConfigurationGrowth(to: target).plans(from: model)
    }
    #expect(error?.code == .unreachable)
    for field in [
      "tiesHead", "layerCount", "hiddenSize", "keyValueHeadCount", "headSize", "intermediateSize",
      "vocabularySize", "contextLength",
    ] {
      #expect(error?.message.contains(field) ?? false, "\(field) in \(error?.message ?? "")")
    }
  }

  @Test func anotherFamilyIsRefusedWithItsSizes() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true)
    var target = ModelConfiguration.small(.gpt2, tiesHead: false)
    target.intermediateSize = 3
    let error = #expect(throws: GrowthError.self) {
      try ConfigurationGrowth(to: target).plans(from: model)
    }
    for part in ["gpt2 is another family", "tiesHead", "intermediateSize: 3 is less"] {
      #expect(error?.message.contains(part) ?? false)
    }
  }

  @Test func derivedFieldsMustBeTheModelsOrWhatTheyBecome() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true)
    var target = model
    target.hiddenSize = 10
    for epsilon in [1e-2, 8e-3] {
      target.normEpsilon = epsilon
      #expect(try ConfigurationGrowth(to: target).target(from: model).normEpsilon == 8e-3)
    }
    target.normEpsilon = 1e-5
    let error = #expect(throws: GrowthError.self) {
      try ConfigurationGrowth(to: target).plans(from: model)
    }
    #expect(error?.message.contains("normEpsilon: 1e-05; the grown model must have 0.008") ?? false)
  }

  @Test func dropoutIsTakenOver() throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    var target = model
    #expect(try ConfigurationGrowth(to: target).plans(from: model).isEmpty)
    target.dropout = DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)
    let growth = ConfigurationGrowth(to: target)
    #expect(try growth.target(from: model) == target)
    target.layerCount = 4
    try expectReached(ConfigurationGrowth(to: target), from: model)
  }
}
