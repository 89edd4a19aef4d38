// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Tensors
import Testing
import Training
import Verification

/// Growths that are wrong on purpose: the measurements must find each.
@Suite("Broken growths are caught") struct BrokenGrowthTests {
  /// Expects these checks to be broken, in float32 and, where it is measured there, in float64.
  private func expectBroken(
    _ report: VerificationReport, _ checks: VerificationCheck...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(!report.isSound, sourceLocation: sourceLocation)
    for check in checks {
      let result = report[check]
      #expect(
        result?.verdict == .broken, "\(check): \(String(describing: result))",
        sourceLocation: sourceLocation)
      for (number, bound) in [
        (result?.float32, result?.float32Bound), (result?.float64, result?.float64Bound),
      ] {
        guard let number, let bound else { continue }
        #expect(!bound.admits(number.value), "\(check)", sourceLocation: sourceLocation)
      }
    }
  }

  /// A plan that claims nothing, so that nothing checks it before it is measured.
  private func plan(_ growth: some GrowthOperator, _ model: SmallModel) throws -> GrowthPlan {
    var plan = try #require(growth.plans(from: model.configuration).first)
    plan.guarantees = []
    return plan
  }

  @Test("copies that do not share", arguments: SmallModel.all, [GrowthSpace.normed, .feedForward])
  func missingShare(_ model: SmallModel, _ space: GrowthSpace) throws {
    var plan = try plan(WidthGrowth(factor: 2, form: .divided, symmetry: .kept), model)
    let map = plan.map(space)
    plan.maps[space] = UnitMap(
      sourceCount: map.sourceCount,
      runs: map.runs.map {
        var run = $0
        run.backward = 1
        return run
      })
    let report = try verify(model.trained(), [plan], declared: [.loss, .moments])
    expectBroken(report, .logits, .loss, .gradients)
  }

  @Test("moments that no guarantee speaks of are replayed all the same")
  func wrongMoments() throws {
    for moments in [MomentPolicy.mapped, .resetNew, .diagonal] {
      let plans = try WidthGrowth(factor: 2).plans(from: SmallModel.gpt2.configuration)
      let options = GrowthOptions(seed: 3, moments: moments)
      let small = try SmallModel.gpt2.trained()
      expectSound(try verify(small, plans, options: options))
      for slot in [StateSlot.firstMoment, .secondMoment] {
        let report = try verify(small, plans, options: options) { grown in
          let tensor = try #require(grown.parameters[3].slots[slot])
          var floats = tensor.floats
          floats[0] = floats[0] * 1.01 + 1e-3
          grown.parameters[3].slots[slot] = HostTensor(floats, shape: tensor.shape)
        }
        #expect(report[.moments]?.isDeclared == false)
        #expect(report[.replay]?.verdict == .broken)
      }
    }
  }

  @Test("a tied head whose norm is not divided")
  func undividedNorm() throws {
    var plan = try plan(WidthGrowth(factor: 2, symmetry: .kept), .gpt2)
    plan.maps[.final] = plan.map(.stream)
    expectBroken(try verify(SmallModel.gpt2.trained(), [plan], declared: [.loss]), .logits, .loss)
  }

  @Test("query heads repeated without regard to their groups")
  func ungroupedHeads() throws {
    let model = SmallModel.llama
    var target = model.configuration
    target.headCount *= 2
    var plan = GrowthPlan(
      "plain tiling of heads", from: model.configuration, to: target, guarantees: [])
    let count = model.configuration.headCount * model.configuration.headSize
    let tiled = UnitMap(
      sourceCount: count,
      runs: [0, 1].map { .init(.units(0), count: count, backward: 0.5, copy: $0) })
    plan.maps[.query] = tiled
    plan.maps[.attended] = tiled
    expectBroken(
      try verify(model.trained(), [plan], declared: [.loss, .moments]), .logits, .loss, .gradients)
  }

  @Test("a padded residual stream whose norms keep their ε", arguments: SmallModel.all)
  func unscaledEpsilon(_ model: SmallModel) throws {
    var plan = try plan(ResidualGrowth(to: 2 * model.configuration.hiddenSize), model)
    plan.target.normEpsilon = model.configuration.normEpsilon
    expectBroken(try verify(model.trained(), [plan], declared: [.loss]), .logits, .loss)
  }

  @Test("new layers under the old step count", arguments: [SmallModel.gpt2, .llama])
  func sharedStepCount(_ model: SmallModel) throws {
    let plans = try DepthGrowth(factor: 2).plans(from: model.configuration)
    let small = try model.trained()
    let report = try verify(small, plans) { grown in
      for index in grown.parameters.indices { grown.parameters[index].stepCount = 5 }
    }
    expectBroken(report, .firstStep)
    #expect(report[.firstStep]?.float32?.subject?.contains("1.") ?? false)
    #expect(try verify(small, plans)[.firstStep]?.verdict == .kept)
  }

  @Test("moments in the diagonal blocks only", arguments: SmallModel.all)
  func diagonalMoments(_ model: SmallModel) throws {
    let plans = try WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory)
      .plans(from: model.configuration)
    let options = GrowthOptions(moments: .diagonal)
    let report = try verify(
      model.trained(), plans, options: options, declared: [.loss, .moments, .trajectory])
    expectBroken(report, .moments, .trajectory)
    #expect(report[.logits]?.verdict == .kept)
    // The options take back what the plans promise.
    expectSound(try verify(model.trained(), plans, options: options))
  }

  @Test("moments reset, as if the trajectory went on")
  func resetMoments() throws {
    let plans = try WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory)
      .plans(from: SmallModel.gpt2.configuration)
    let report = try verify(
      SmallModel.gpt2.trained(), plans, options: GrowthOptions(moments: .reset),
      declared: [.moments, .trajectory])
    expectBroken(report, .moments, .trajectory)
  }

  @Test("multipliers that were forgotten", arguments: SmallModel.all)
  func forgottenMultipliers(_ model: SmallModel) throws {
    let plans = try WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory)
      .plans(from: model.configuration)
    for path in [
      \ParameterState.learningRateMultiplier, \ParameterState.epsilonMultiplier,
    ] {
      let report = try verify(model.trained(), plans) { grown in
        for index in grown.parameters.indices { grown.parameters[index][keyPath: path] = 1 }
      }
      expectBroken(report, .trajectory)
      #expect(report[.gradients]?.verdict == .kept)
    }
  }

  @Test("the target's learning rates for the small model's trajectory")
  func targetRates() throws {
    let plans = try WidthGrowth(factor: 2, symmetry: .kept)
      .plans(from: SmallModel.llama.configuration)
    expectBroken(
      try verify(SmallModel.llama.trained(), plans, declared: [.trajectory]), .trajectory)
  }

  /// Zeroes a unit of the second block's feed-forward: rows of gate and up, a column of down.
  private func prune(_ unit: Int, _ state: inout ModelState) throws {
    for (index, spec) in try state.configuration.program().parameters.enumerated()
    where spec.layer == 1 {
      guard case .weight(let linear) = spec.role else { continue }
      let isDown = linear == .feedForwardDown
      guard isDown || linear == .feedForwardGate || linear == .feedForwardUp else { continue }
      var floats = state.parameters[index].value.floats
      let width = spec.shape[1]
      for element in floats.indices where (isDown ? element % width : element / width) == unit {
        floats[element] = 0
      }
      state.parameters[index] = ParameterState(value: HostTensor(floats, shape: spec.shape))
    }
  }

  @Test("what was dead before was not killed by the growth")
  func deadBefore() throws {
    var small = ModelState(
      SmallModel.llama.configuration, values: try SmallModel.llama.trained().parameters.map(\.value)
    )
    try prune(3, &small)
    let plans = try ContextGrowth(to: 20).plans(from: small.configuration)
    let report = try verify(small, plans)
    #expect(report.isSound, "\(report.checks)")
    #expect(report.deadParameters.isEmpty)
    // Another unit, which the growth kills, is told all the same.
    let broken = try verify(small, plans) { try prune(5, &$0) }
    #expect(broken[.deadParameters]?.verdict == .broken)
  }

  /// Growths that copy a dead unit, or put zeros beside its copies.
  private static let copyingGrowths: [any GrowthOperator] = [
    DepthGrowth(factor: 2), FeedForwardGrowth(to: 20),
    DepthGrowth(factor: 2).then(FeedForwardGrowth(to: 20)), WidthGrowth(factor: 2),
    WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)),
  ]

  @Test("copies of a dead unit are no copies to be parted, and zeros beside them wait for nothing")
  func deadCopies() throws {
    var small = ModelState(
      SmallModel.llama.configuration, values: try SmallModel.llama.trained().parameters.map(\.value)
    )
    try prune(3, &small)
    for growth in Self.copyingGrowths {
      let plans = try growth.plans(from: small.configuration)
      let report = try verify(small, plans)
      expectSound(report)
      #expect(report.isSound && report.deadParameters.isEmpty, "\(plans.map(\.operation))")
      #expect(report[.deadParameters]?.verdict == .kept)
      let broken = try verify(small, plans) { try prune(5, &$0) }
      #expect(broken[.deadParameters]?.verdict == .broken, "\(plans.map(\.operation))")
      #expect(broken[.replay]?.verdict == .broken)
    }
    let same = try WidthGrowth(factor: 2, symmetry: .kept).plans(from: small.configuration)
    expectBroken(
      try verify(small, same, declared: [.loss, .symmetry]), .copyDistance, .closestCopies)
  }

  @Test("zero norms in a gated feed-forward never learn")
  func deadBlocks() throws {
    let model = SmallModel.llama
    var target = model.configuration
    target.layerCount = 3
    var plan = GrowthPlan(
      "identity by norm", from: model.configuration, to: target, guarantees: [])
    plan.layers = [.kept(0), .kept(1), .identityByNorm(1)]
    let report = try verify(model.trained(), [plan], declared: [.loss, .liveness])
    expectBroken(report, .deadParameters)
    #expect(report[.logits]?.verdict == .kept)
    let dead = Set(report.deadParameters.map(\.name))
    #expect(dead.contains("model.layers.2.post_attention_layernorm.weight"))
    #expect(dead.contains("model.layers.2.mlp.gate_proj.weight"))
    #expect(!dead.contains { !$0.contains("layers.2.") })
  }

  @Test("copies that nothing parts stay copies", arguments: SmallModel.all)
  func keptSymmetry(_ model: SmallModel) throws {
    for form in WidthGrowth.Form.allCases {
      let plans = try WidthGrowth(factor: 2, form: form, symmetry: .kept)
        .plans(from: model.configuration)
      let report = try verify(model.trained(), plans, declared: [.loss, .symmetry])
      expectBroken(report, .copyDistance, .closestCopies)
      #expect(!report.copyDistances.isEmpty)
      for distance in report.copyDistances { #expect(distance.afterTraining < 1e-9, "\(distance)") }
    }
  }

  @Test("shares of an output that is zero part nothing", arguments: SmallModel.all)
  func sharesOfZero(_ model: SmallModel) throws {
    let growth = FeedForwardGrowth(to: 31).then(DepthGrowth(factor: 2))
    let plans = try growth.plans(from: model.configuration)
    #expect(plans.allSatisfy { $0.guarantees.contains(.symmetry) })
    #expect(try !growth.guarantees(from: model.configuration).contains(.symmetry))
    expectBroken(try verify(model.trained(), plans, declared: [.symmetry]), .closestCopies)
  }

  @Test("a file that is not what its plans make")
  func changedFile() throws {
    let plans = try WidthGrowth(factor: 2).plans(from: SmallModel.gpt2.configuration)
    let report = try verify(SmallModel.gpt2.trained(), plans) { grown in
      let index = grown.parameters.count / 2
      var floats = grown.parameters[index].value.floats
      floats[0] += 0.01
      grown.parameters[index].value = HostTensor(
        floats, shape: grown.parameters[index].value.shape)
    }
    expectBroken(report, .replay)
    #expect(report[.logits]?.verdict == .broken)
  }

  @Test("masks and tables are no parameters, so nothing can grow them", arguments: SmallModel.all)
  func buffers(_ model: SmallModel) throws {
    let growths: [any GrowthOperator] = [
      WidthGrowth(factor: 2), DepthGrowth(factor: 2), ContextGrowth(to: 24), HeadSizeGrowth(to: 8),
    ]
    for growth in growths {
      for plan in try growth.plans(from: model.configuration) {
        let buffers = try plan.source.program().bufferNames
          .union(plan.target.program().bufferNames)
        #expect(!buffers.isEmpty)
        for tensor in try plan.tensors() {
          #expect(buffers.isDisjoint(with: [tensor.target.name] + tensor.target.aliases))
        }
      }
    }
  }
}
