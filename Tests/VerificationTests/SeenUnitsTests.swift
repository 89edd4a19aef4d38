// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Interpretation
import SeededRandom
import Testing
import Text
import Training
import Verification

/// What batches do not reach has no gradient, and is not dead for that.
@Suite("Units that batches do not reach") struct SeenUnitsTests {
  /// Every family, tied and untied, with far more tokens, positions and experts than batches reach.
  static let models = DecoderFamily.known.flatMap { family in
    [false, true].map { ties in
      var traits = family.traits
      if traits.experts != nil || family.tensors.router != nil {
        traits.experts = .init(count: 24, perToken: 2)
      }
      let heads = family.tensors.fusion == .interleaved ? 2 : 1
      return ModelConfiguration(
        family: family, traits: traits, layerCount: 2, hiddenSize: 8, headCount: 2,
        keyValueHeadCount: heads, headSize: 4, intermediateSize: 6, vocabularySize: 300,
        contextLength: 64, rotary: traits.positions == .rotary ? RotaryEmbedding() : nil,
        tiesHead: ties)
    }
  }

  static func state(_ model: ModelConfiguration) throws -> ModelState {
    try SmallModel(name: model.family.name, configuration: model).randomState()
  }

  private func batches(_ model: ModelConfiguration) -> [TokenBatch] {
    TokenBatch.random(count: 2, for: model, sequences: 2, length: 5, seed: 8)
  }

  @Test("nothing is dead in a healthy model", arguments: models)
  func healthy(_ model: ModelConfiguration) throws {
    let batches = batches(model)
    // Some tokens are targets only, others inputs only.
    let inputs = Set(batches.flatMap(\.inputs))
    #expect(batches.flatMap(\.targets).contains { !inputs.contains($0) })
    let dead = try DeadParameter.find(
      in: ExactModel(Self.state(model)), batches: batches, training: SmallModel.training)
    #expect(dead.isEmpty, "\(model.family.name): \(dead.map(\.description))")
  }

  @Test("targets behind which nothing is measured reach nothing", arguments: models.prefix(4))
  func masked(_ model: ModelConfiguration) throws {
    let batches = batches(model).map { batch in
      var targets = batch.targets
      for row in 0..<2 {
        for position in 3..<5 { targets[row * 5 + position] = -1 }
      }
      return TokenBatch(
        sequenceCount: 2, sequenceLength: 5, inputs: batch.inputs, targets: targets)
    }
    let dead = try DeadParameter.find(
      in: ExactModel(Self.state(model)), batches: batches, training: SmallModel.training)
    #expect(dead.isEmpty, "\(model.family.name): \(dead.map(\.description))")
  }

  @Test("an expert of zeros is dead where tokens take it, and only there")
  func deadExpert() throws {
    let model = try #require(Self.models.first { $0.family.tensors.router != nil })
    var exact = try ExactModel(Self.state(model))
    let specs = try model.program().parameters
    for (index, spec) in specs.enumerated() where spec.expert != nil && spec.layer == 0 {
      exact.values[index] = [Double](repeating: 0, count: spec.shape.elementCount)
    }
    let batches = batches(model)
    let reference = try ReferenceModel(program: model.program(), parameters: exact.values)
    // Before the first step; those of the second are chosen by what it has learned.
    let taken = try reference.chosenExperts(batches[0])[0]
    let dead = try DeadParameter.find(in: exact, batches: batches, training: SmallModel.training)
    #expect(!dead.isEmpty)
    let found = Set(dead.compactMap { part in specs.first { $0.name == part.name }?.expert })
    #expect(found.isSubset(of: taken))
    #expect(found.count < 24)
  }

  @Test("a growth of what has just grown has one step more")
  func grownTwice() throws {
    let small = SmallModel.llama
    let deep = DepthGrowth(factor: 2)
    let heads = HeadSizeGrowth(to: 8)
    let pairs: [(any GrowthOperator, any GrowthOperator)] = [(deep, heads), (heads, deep)]
    for (first, second) in pairs {
      let state = try small.trained()
      let plans = try first.plans(from: small.configuration)
      let fresh = ModelState(
        try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(state.trainingState()))
      let next = try second.plans(from: fresh.configuration)
      #expect(try GrowthPath(next).guarantees.contains(.liveness))
      expectSound(try verify(fresh, next))
      // In one command, from a model that has trained, it would be too late.
      let both = plans + next
      let report = try verify(state, both, declared: [.liveness])
      #expect(report[.deadParameters]?.verdict == .broken)
    }
  }
}
