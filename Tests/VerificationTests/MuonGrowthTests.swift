// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Tensors
import Testing
import Text
import Training
import Verification

/// States whose matrices were trained by Muon: their momentum grows by γ, as a mean of gradients does.
@Suite("Growths of Muon's state") struct MuonGrowthTests {
  static let muon = OptimizerConfiguration.muon(
    MuonConfiguration(adamW: SmallModel.training.optimizer.adamW, momentum: 0.9))

  static let growths: [any GrowthOperator] = [
    WidthGrowth(factor: 2, symmetry: .kept), WidthGrowth(factor: 2), DepthGrowth(factor: 2),
    WidthGrowth(factor: 2, form: .divided, symmetry: .kept).then(DepthGrowth(factor: 2)),
  ]

  private func report(
    _ model: SmallModel, _ growth: any GrowthOperator,
    change: (inout ModelState) throws -> Void = { _ in }
  ) throws -> VerificationReport {
    let small = try model.trained(by: Self.muon)
    let plans = try growth.plans(from: model.configuration)
    let path = try GrowthPath(plans, options: GrowthOptions(seed: 3))
    var grown = ModelState(try path.grown(small.trainingState(Self.muon)))
    try change(&grown)
    var training = SmallModel.training
    training.optimizer = Self.muon
    var verification = GrowthVerification(
      small: small, grown: grown, path: path, training: training)
    verification.liveBatches = liveBatches(grown)
    return try verification.report(engine: CPUTrainingEngine(threads: 1))
  }

  /// Long enough that every token and position is seen.
  private func liveBatches(_ grown: ModelState) -> [TokenBatch] {
    TokenBatch.random(count: 2, for: grown.configuration, sequences: 8, length: 64, seed: 5)
  }

  @Test("the momentum is what the growth makes of it", arguments: [SmallModel.gpt2, .llama])
  func kept(_ model: SmallModel) throws {
    for growth in Self.growths {
      let report = try report(model, growth)
      expectSound(report)
      let moments = try #require(report[.moments]?.float32)
      #expect(moments.value < 1e-6)
      // Orthogonal steps do not follow from γ.
      #expect(report[.trajectory]?.isDeclared == false)
      #expect(report[.trajectory]?.float32?.value.isFinite ?? false)
    }
  }

  @Test("a momentum times another factor is broken", arguments: [SmallModel.gpt2, .llama])
  func wrongFactor(_ model: SmallModel) throws {
    let growth = WidthGrowth(factor: 2, symmetry: .kept)
    #expect(try report(model, growth)[.moments]?.verdict == .kept)
    for factor: Float in [0, 1.001, 2] {
      let broken = try report(model, growth) { grown in
        let index = try #require(grown.parameters.firstIndex { $0.slots[.momentum] != nil })
        let momentum = try #require(grown.parameters[index].slots[.momentum])
        grown.parameters[index].slots[.momentum] = HostTensor(
          momentum.floats.map { $0 * factor }, shape: momentum.shape)
      }
      #expect(broken[.moments]?.verdict == .broken, "\(factor)")
      #expect(broken[.moments]?.float32?.subject?.hasPrefix("momentum of ") ?? false)
    }
    let lost = try report(model, growth) { grown in
      for index in grown.parameters.indices { grown.parameters[index].slots[.momentum] = nil }
    }
    #expect(lost[.moments]?.verdict == .broken)
  }

  @Test("both models train by the optimizer, in float32 as in float64")
  func steps() throws {
    let small = try SmallModel.gpt2.trained(by: Self.muon)
    var training = SmallModel.training
    training.optimizer = Self.muon
    let batches = TokenBatch.random(
      count: 4, for: small.configuration, sequences: 2, length: 12, seed: 1)
    let exact = try Trajectory.losses(ExactModel(small), batches: batches, training: training)
    let engine = try Trajectory.losses(
      EngineModel(small, on: CPUTrainingEngine(threads: 1)), batches: batches, training: training)
    let adamW = try Trajectory.losses(
      ExactModel(small), batches: batches, training: SmallModel.training)
    for (one, other) in zip(exact, engine) { #expect(abs(one - other) < 1e-4 * one) }
    #expect(abs(exact[3] - adamW[3]) > 1e-3 * exact[3])
  }
}
