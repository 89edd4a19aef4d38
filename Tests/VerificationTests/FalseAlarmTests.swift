// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Tensors
import Testing
import Text
import Training
import Verification

/// Growths that are right in models that make proofs hard: none is called broken, none is passed that is
/// wrong, and what cannot be told is said.
@Suite("False alarms") struct FalseAlarmTests {
  /// A growth that is done wrong: what happens to the grown model.
  enum Mistake: CaseIterable {
    /// A weight of one tensor is another.
    case perturbed
    /// A unit of the first block's feed-forward is zero.
    case killed
    /// Two copies of a unit trade places in one tensor, but not in the one that reads them.
    case swapped

    func apply(to state: inout ModelState) throws {
      let specs = try state.configuration.program().parameters
      let index = try #require(
        specs.firstIndex { $0.layer == 0 && $0.role == .weight(.feedForwardUp) })
      var floats = state.parameters[index].value.floats
      let width = specs[index].shape[1]
      let rows = specs[index].shape[0]
      switch self {
      case .perturbed: floats[width + 1] *= 1.01
      case .killed: for column in 0..<width { floats[column] = 0 }
      case .swapped:
        // With factor 2, copies lie half of the rows apart; the next unit's stand in for its own.
        for column in 0..<width {
          floats.swapAt(column, (rows / 2 + 1) * width + column)
        }
      }
      state.parameters[index].value = HostTensor(floats, shape: specs[index].shape)
    }
  }

  /// A situation in which proofs are hard.
  struct Situation: Sendable, CustomTestStringConvertible {
    let name: String
    let testDescription: String
    var model = SmallModel.llama.withTie(false)
    var change: @Sendable (inout ModelState) throws -> Void = { _ in }
    var growth: any GrowthOperator = WidthGrowth(factor: 2)
    var set: @Sendable (inout GrowthVerification) -> Void = { _ in }
    /// What cannot be told, with a part of the reason.
    var untold: [VerificationCheck: String] = [:]

    init(_ name: String) {
      self.name = name
      testDescription = name
    }

    /// Proves the growth with what `mistake` does to it.
    func report(_ mistake: Mistake? = nil) throws -> VerificationReport {
      var small = ModelState(
        model.configuration, values: try model.trained().parameters.map(\.value))
      try change(&small)
      let plans = try growth.plans(from: model.configuration)
      var grown = ModelState(
        try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(small.trainingState()))
      try mistake?.apply(to: &grown)
      var verification = try verification(small, grown, plans)
      set(&verification)
      return try verification.report(engine: CPUTrainingEngine(threads: 1))
    }
  }

  static func scale(
    _ state: inout ModelState, where isScaled: (ParameterSpec) -> Bool = { _ in true },
    by factor: Float
  ) throws {
    for (index, spec) in try state.configuration.program().parameters.enumerated()
    where isScaled(spec) {
      state.parameters[index].value = HostTensor(
        state.parameters[index].value.floats.map { $0 * factor }, shape: spec.shape)
    }
  }

  static let situations: [Situation] = {
    var oneStep = Situation("copies trained for one step")
    oneStep.set = { $0.symmetrySteps = 1 }
    oneStep.untold = [.closestCopies: "steps to part, and took 1"]

    var fast = Situation("a learning rate of 1e30")
    fast.set = { $0.training.learningRate = 1e30 }
    fast.untold = [
      .copyDistance: "training is not finite", .closestCopies: "training is not finite",
    ]

    var slow = Situation("a learning rate of 1e-8")
    slow.set = { $0.training.learningRate = 1e-8 }
    slow.untold = [.copyDistance: "steps are too small"]

    var small = Situation("weights times 1e-4")
    small.change = { try scale(&$0, by: 1e-4) }
    small.untold = [.copyDistance: "steps", .closestCopies: "steps"]

    var smallDeep = Situation("weights times 1e-4, in depth")
    smallDeep.change = small.change
    smallDeep.growth = DepthGrowth(factor: 2)

    var large = Situation("a weight of 3e38 in the head")
    large.change = { state in
      let index = try #require(
        try state.configuration.program().parameters.firstIndex { $0.role == .head })
      var floats = state.parameters[index].value.floats
      floats[7] = 3e38
      state.parameters[index].value = HostTensor(
        floats, shape: state.parameters[index].value.shape)
    }
    large.growth = DepthGrowth(factor: 2)

    var outputs = Situation("outputs of new blocks times 1e38")
    var copies = DepthGrowth(factor: 2, block: .copy)
    copies.outputScale = 1e38
    outputs.growth = copies
    outputs.untold = [.deadParameters: "gradient"]
    return [oneStep, fast, slow, small, smallDeep, large, outputs]
  }()

  @Test("a growth that is right is kept, or cannot be told", arguments: situations)
  func right(_ situation: Situation) throws {
    let report = try situation.report()
    #expect(!report.isBroken, "\(report.checks.filter { $0.verdict == .broken })")
    let untold = report.checks.filter { $0.verdict == .undecided }
    for (check, reason) in situation.untold {
      #expect(report[check]?.reason?.contains(reason) ?? false, "\(check)")
    }
    #expect(untold.allSatisfy { $0.reason != nil })
  }

  @Test(
    "new entries whose rate begins at zero count as alive",
    arguments: [MomentPolicy.mapped, .resetNew])
  func warmedUp(_ moments: MomentPolicy) throws {
    var options = GrowthOptions(seed: 3, moments: moments)
    options.newEntryRate = NewEntries.Rate(factor: 0, steps: 250)
    for model in [SmallModel.gpt2, .llama] {
      for growth: any GrowthOperator in [
        DepthGrowth(factor: 2), WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)),
      ] {
        let plans = try growth.plans(from: model.configuration)
        expectSound(try verify(model.trained(), plans, options: options))
      }
    }
  }

  @Test("a growth that is wrong is broken all the same", arguments: situations, Mistake.allCases)
  func wrong(_ situation: Situation, _ mistake: Mistake) throws {
    let report = try situation.report(mistake)
    #expect(report.isBroken && !report.isSound)
    #expect(report[.replay]?.verdict == .broken)
  }
}

/// Rounding that is larger than the table's bounds, and no mistake.
@Suite("Rounding beyond the table") struct RoundingAllowanceTests {
  /// A model whose scores are so large that float32 leaves little of their differences.
  private func sharpState() throws -> ModelState {
    var state = try SmallModel.llama.trained()
    try FalseAlarmTests.scale(
      &state, where: { [.weight(.query), .weight(.key)].contains($0.role) }, by: 40)
    return state
  }

  @Test("gradients of a model that float32 computes badly")
  func gradients() throws {
    let small = try sharpState()
    let plans = try WidthGrowth(factor: 2, symmetry: .kept).plans(from: small.configuration)
    let report = try verify(small, plans)
    let check = try #require(report[.gradients])
    let strict = try #require(GuaranteeTolerances.bound(.gradients, .float32))
    #expect(!strict.admits(try #require(check.float32).value), "\(check)")
    let own = try #require(report.smallRounding?.gradients)
    #expect(check.float32Bound?.value == ModelRounding.tolerance * own)
    #expect(check.verdict == .kept && check.float64.map { $0.value < 1e-9 } ?? false, "\(check)")
    // Without float64 nobody knows, and a mistake is one all the same.
    var blind = try verification(
      small,
      ModelState(
        try GrowthPath(plans, options: GrowthOptions(seed: 3)).grown(small.trainingState())), plans)
    blind.exactScope = .none
    let untold = try blind.report(engine: CPUTrainingEngine(threads: 1))
    #expect(untold[.gradients]?.verdict == .undecided)
    #expect(untold[.gradients]?.reason?.contains("only float64") ?? false)
    let broken = try verify(small, plans) { grown in
      let index = grown.parameters.count / 2
      grown.parameters[index].value = HostTensor(
        grown.parameters[index].value.floats.map { $0 * 1.5 },
        shape: grown.parameters[index].value.shape)
    }
    #expect(broken.isBroken)
  }

  @Test("a trajectory at learning rates that multiply rounding")
  func trajectory() throws {
    let small = try SmallModel.gpt2.trained()
    let plans = try WidthGrowth(
      factor: 2, symmetry: .kept, learningRates: .smallTrajectory
    ).plans(from: small.configuration)
    let path = try GrowthPath(plans, options: GrowthOptions(seed: 3))
    let right = ModelState(try path.grown(small.trainingState()))
    var wrong = right
    for index in wrong.parameters.indices { wrong.parameters[index].learningRateMultiplier = 1 }
    func check(_ grown: ModelState, at rate: Double) throws -> VerificationReport.Check? {
      var verification = try verification(small, grown, plans)
      verification.training.learningRate = rate
      // Gradients that are but rounding make steps as large as any.
      verification.training.optimizer.epsilon = 1e-8
      return try verification.report(engine: CPUTrainingEngine(threads: 1))[.trajectory]
    }
    let strict = try #require(GuaranteeTolerances.bound(.trajectory, .float32))
    var count = 0
    for rate in [1e-3, 3e-2, 0.3, 3, 30] {
      let result = try #require(try check(right, at: rate))
      #expect(result.verdict != .broken, "\(rate): \(result)")
      if !strict.admits(try #require(result.float32).value) { count += 1 }
      if rate < 0.1 { #expect(try check(wrong, at: rate)?.verdict == .broken, "\(rate)") }
    }
    #expect(count > 0)
  }

  @Test("a bound so large that it tells nothing is no proof")
  func tooMuch() throws {
    func check(_ own: Double, float64: Double?) -> VerificationReport.Verdict {
      var rounding = ModelRounding(logits: 0, loss: 0)
      rounding.trajectory = own
      return VerificationReport.Check(
        .trajectory, isDeclared: true, float32: MeasuredNumber(0.01),
        float64: float64.map { MeasuredNumber($0) },
        float64Arithmetic: float64.map { _ in .float64 },
        rounding: nil, modelRounding: rounding, reason: nil
      ).verdict
    }
    #expect(check(1e-4, float64: 1e-12) == .broken)
    #expect(check(1e-3, float64: 1e-12) == .kept)
    #expect(check(1e-1, float64: 1e-12) == .kept)
    #expect(check(1e-1, float64: nil) == .undecided)
    #expect(check(1e-1, float64: 1e-3) == .broken)
  }
}
