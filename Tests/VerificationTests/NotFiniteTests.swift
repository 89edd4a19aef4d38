// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Tensors
import Testing
import Text
import Training
import Verification

/// What is infinite or no number keeps no promise, in whatever measurement.
@Suite("Numbers that are none are never kept") struct NotFiniteTests {
  static let values: [Float] = [.nan, .infinity, -.infinity]

  private func spoil(_ state: inout ModelState, _ name: String, _ value: Float) throws {
    let index = try #require(
      try state.configuration.program().parameters.firstIndex { $0.name == name })
    var floats = state.parameters[index].value.floats
    floats[floats.count / 2] = value
    state.parameters[index].value = HostTensor(
      floats, shape: state.parameters[index].value.shape)
  }

  @Test("in both models alike", arguments: values, [SmallModel.llama, .llama.withTie(false)])
  func both(_ value: Float, _ model: SmallModel) throws {
    let plans = try WidthGrowth(factor: 2, symmetry: .split).plans(from: model.configuration)
    var small = try model.trained()
    var grown = ModelState(
      try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(small.trainingState()))
    for name in ["model.layers.1.mlp.down_proj.weight", "model.norm.weight"] {
      try spoil(&small, name, value)
      try spoil(&grown, name, value)
    }
    let report = try verification(
      small, grown, plans, declared: Set(Guarantee.allCases)
    ).report(engine: CPUTrainingEngine(threads: 1))
    #expect(!report.isSound)
    let measured: [VerificationCheck] = [
      .logits, .loss, .residual, .gradients, .trajectory, .copyDistance, .closestCopies,
      .deadParameters,
    ]
    // The growth may be right; numbers that the small model does not have cannot tell.
    for check in measured {
      #expect(report[check]?.verdict == .undecided, "\(check)")
      #expect(report[check]?.reason?.contains("not finite") ?? false || check == .trajectory)
    }
    #expect(report[.trajectory]?.reason?.contains("diverged") ?? false)
    #expect(report[.replay]?.verdict == .broken)
  }

  @Test("in the grown model alone", arguments: values)
  func grownAlone(_ value: Float) throws {
    let model = SmallModel.llama
    let plans = try WidthGrowth(factor: 2, symmetry: .split).plans(from: model.configuration)
    let report = try verify(model.trained(), plans, declared: Set(Guarantee.allCases)) {
      try spoil(&$0, "model.layers.1.mlp.down_proj.weight", value)
    }
    #expect(report.isBroken)
    for check in [VerificationCheck.logits, .loss, .residual, .gradients, .trajectory, .replay] {
      #expect(report[check]?.verdict == .broken, "\(check)")
    }
    // Nothing is compared here, so nothing is proved.
    #expect(report[.deadParameters]?.verdict != .broken)
    #expect(report[.deadParameters]?.float32?.doubt?.contains("not finite") ?? false)
  }

  @Test("layer by layer from files", arguments: ["llama", "mixtral", "gpt_neox"])
  func streaming(_ name: String) throws {
    let grown = try GrownDirectory(name, DepthGrowth(factor: 2))
    let norm = try #require(
      try grown.grown().program.parameters.last { $0.role == .normGain(.final) })
    try grown.corrupt(norm.name, by: .nan)
    let report = try grown.report()
    for check in [VerificationCheck.logits, .loss, .replay] {
      #expect(report[check]?.verdict == .broken, "\(check)")
    }
  }

  @Test(
    "a bound admits finite numbers only",
    arguments: [VerificationBound.Relation.atMost, .moreThan])
  func bounds(_ relation: VerificationBound.Relation) {
    for limit in [0, 1, Double.infinity, .nan] {
      let bound = VerificationBound(relation: relation, value: limit)
      for number in [Double.nan, .infinity, -.infinity] { #expect(!bound.admits(number)) }
    }
    #expect(VerificationBound(relation: .atMost, value: 1).admits(1))
    #expect(VerificationBound(relation: .moreThan, value: 1).admits(2))
  }

  @Test("a model's own rounding that is infinite allows nothing")
  func rounding() {
    for own in [Double.infinity, .nan] {
      let bound = GuaranteeTolerances.bound(
        .logits, .float32, rounding: nil, modelRounding: ModelRounding(logits: own, loss: own))
      #expect(bound == GuaranteeTolerances.bound(.logits, .float32))
    }
  }
}
