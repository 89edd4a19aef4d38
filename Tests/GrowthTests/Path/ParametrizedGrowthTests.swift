// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Interpretation
import Tensors
import Testing
import Text
import Training

@Suite("Growth in the maximal update parametrization") struct ParametrizedGrowthTests {
  private static let models: [ModelConfiguration] = [
    ModelConfiguration(
      architecture: .gpt2, layerCount: 2, hiddenSize: 32, headCount: 2, intermediateSize: 128,
      vocabularySize: 23, contextLength: 8, tiesHead: true),
    ModelConfiguration(
      architecture: .llama, layerCount: 2, hiddenSize: 32, headCount: 4, keyValueHeadCount: 2,
      intermediateSize: 96, vocabularySize: 23, contextLength: 8, rotary: RotaryEmbedding(),
      tiesHead: false),
  ]

  /// A training of a model that is its own base, with moments and counts.
  private func state(_ model: ModelConfiguration) throws -> TrainingState {
    var state = try SharingTests.state(model)
    state.status.training.parametrization = .init(base: BaseModel(model))
    let values = try state.status.training.initialParameters(of: model)
    for index in values.indices { state.parameters[index].value = values[index] }
    return state
  }

  private func logits(_ state: TrainingState, _ batch: TokenBatch) throws -> [Double] {
    try ReferenceModel(
      program: state.status.model.program(), tensors: state.parameters.map(\.value)
    ).logits(batch)
  }

  private static func rates(_ state: TrainingState) throws -> [[Double]] {
    let clocks = zip(try state.status.model.program().parameters, state.parameters).map {
      ParameterClock(name: $0.name, $1)
    }
    return try state.status.training.effective(clocks, of: state.status.model).map {
      [$0.learningRateMultiplier, $0.epsilonMultiplier]
    }
  }

  @Test(
    "Twice the width and depth: the function is kept, the rates are those of a model of the new size",
    arguments: models)
  func widthAndDepth(_ model: ModelConfiguration) throws {
    let small = try state(model)
    let growth = WidthGrowth(factor: 2).then(DepthGrowth(factor: 2))
    let grown = try growth.grown(small)
    #expect(grown.status.training.parametrization == small.status.training.parametrization)
    let batch = TokenBatch.random(of: model, seed: 4)
    #expect(relativeError(try logits(grown, batch), try logits(small, batch)) < 1e-6)

    let large = grown.status.model
    let fresh = TrainingState(
      model: large, training: grown.status.training,
      values: try grown.status.training.initialParameters(of: large), cursor: grown.status.cursor)
    #expect(try Self.rates(grown) == Self.rates(fresh))
    #expect(try Self.rates(small).allSatisfy { $0 == [1, 1] })
    #expect(try Self.rates(grown).filter { $0[0] == 1.0 / 2 }.count > 4)

    // The norm before a tied head holds the factor on the logits, which the growth halves.
    let gain = try #require(
      try large.program().parameters.firstIndex { $0.role == .normGain(.final) })
    #expect(grown.parameters[gain].value.floats.first == fresh.parameters[gain].value.floats.first)
  }

  @Test("New blocks start as those of a new model do", arguments: models)
  func newBlocks(_ model: ModelConfiguration) throws {
    let small = try state(model)
    let growth = WidthGrowth(factor: 2).then(
      DepthGrowth(factor: 2, block: .fresh, placement: .appended))
    let grown = try growth.grown(small, options: GrowthOptions(seed: 5))
    let rule = try #require(small.status.training.parametrization)
    let specs = try rule.parameters(of: grown.status.model)
    // The second step's seed is one more.
    let initializer = ParameterInitializer(seed: 6)
    var matrices = 0
    for (spec, parameter) in zip(specs, grown.parameters) where spec.layer ?? 0 > 1 {
      #expect(parameter.value.floats == initializer.tensor(for: spec).floats, "\(spec.name)")
      if case .normal(let deviation) = spec.initializer, deviation < 0.02 { matrices += 1 }
    }
    #expect(matrices >= 8)
  }

  @Test("A receipt that was read makes the same tensors, on disk as in memory", arguments: models)
  func receipt(_ model: ModelConfiguration) throws {
    let folder = TestFolder()
    let small = try state(model)
    try small.write(to: folder["small"], tokenizer: nil)
    let growth = try ModelGrowth(
      of: GrowthSource(reading: folder["small"]),
      by: WidthGrowth(factor: 2).then(DepthGrowth(factor: 2, block: .fresh)))
    try growth.write(to: folder["large"])
    let receipt = try GrowthReceipt(reading: folder["large"])
    #expect(receipt.path.parametrization == small.status.training.parametrization)
    let again = try receipt.path.grown(small)
    let written = try TrainingState(reading: folder["large"])
    for (one, other) in zip(written.parameters, again.parameters) {
      #expect(one.value.data == other.value.data)
      #expect(one.firstMoment?.data == other.firstMoment?.data)
    }
    #expect(written.status.training == again.status.training)

    var standard = small
    standard.status.training.parametrization = nil
    let plain = try WidthGrowth(factor: 2).path(from: model)
    let text = String(decoding: try GrowthReceipt(plain).encoded(), as: UTF8.self)
    #expect(!text.contains("parametrization"))
    let other = try receipt.path.plans.last.map { _ in
      try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2, block: .fresh)).grown(standard)
    }
    #expect(
      zip(written.parameters, try #require(other).parameters).contains {
        $0.value.data != $1.value.data
      })
  }

  @Test("The small model's trajectory and rates by size exclude each other")
  func trajectory() throws {
    let small = try state(Self.models[1])
    let error = #expect(throws: GrowthError.self) {
      try WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory).grown(small)
    }
    #expect(error?.code == .invalidOptions && error?.subject == "learning rates")
  }

  @Test("PyTorch's groups hold the rates, and what comes back is the same state")
  func exchange() throws {
    let folder = TestFolder()
    var large = try WidthGrowth(factor: 2).grown(state(Self.models[1]))
    for index in large.parameters.indices {
      large.parameters[index].secondMoment = large.parameters[index].secondMoment.map {
        HostTensor($0.floats.map(\.magnitude), shape: $0.shape)
      }
    }
    large.parameters[3].learningRateMultiplier = 0.75
    try large.write(to: folder["ours"], tokenizer: nil)
    let export = try ModelExport(of: GrowthSource(reading: folder["ours"]), optimizer: .torch)
    let groups = try #require(export.torchOptimizer).groups
    let rate = try large.status.nextLearningRate(of: large.status.model.program())
    let group = try #require(
      groups.first { $0.parameters.contains("model.layers.0.mlp.down_proj.weight") })
    #expect(group.learningRate == rate / 2 && group.epsilon == 1e-8 / 2)
    // The product of rate and decay is the configuration's.
    #expect(group.weightDecay == 0.1 * 2)
    try export.write(to: folder["torch"])
    let options = TrainingImport.Options(training: large.status.training)
    try TrainingImport(
      of: folder["torch"], optimizer: folder["torch"].appending(path: TorchOptimizerFile.fileName),
      options
    ).write(to: folder["again"])
    let again = try TrainingState(reading: folder["again"])
    for (one, other) in zip(large.parameters, again.parameters) {
      #expect(one.learningRateMultiplier == other.learningRateMultiplier)
      #expect(one.epsilonMultiplier == other.epsilonMultiplier)
    }
  }
}
