// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Tensors
import Testing
import Text
import Training

/// Settings of our AdamW as groups of PyTorch's, and back.
@Suite("Settings of torch.optim.AdamW") struct TorchAdamWTests {
  static let model = ModelConfiguration(
    architecture: .gpt2, layerCount: 1, hiddenSize: 4, headCount: 2, intermediateSize: 8,
    vocabularySize: 11, contextLength: 8, tiesHead: true)

  static func status(_ optimizer: AdamWConfiguration = AdamWConfiguration()) -> TrainingStatus {
    var status = TrainingStatus(
      model: model,
      training: TrainingConfiguration(
        batch: BatchConfiguration(sequences: 2), optimizer: .adamW(optimizer),
        schedule: LearningRateSchedule(peak: 1e-3, warmup: .steps(10), total: .steps(100)),
        stop: StopConditions(after: .steps(100))),
      cursor: BatchStream.Cursor(order: .shuffled, seed: 0, contextLength: 8))
    status.progress = TrainingProgress(steps: 4, tokens: 64)
    return status
  }

  static func clocks(_ change: (Int, inout ParameterClock) -> Void = { _, _ in }) throws
    -> [ParameterClock]
  {
    try model.program().parameters.enumerated().map { index, spec in
      var clock = ParameterClock(
        name: spec.name, stepCount: 4, learningRateMultiplier: 1, epsilonMultiplier: 1)
      change(index, &clock)
      return clock
    }
  }

  static func adamW(
    _ status: TrainingStatus, _ clocks: [ParameterClock], hasMoments: (Int) -> Bool = { _ in true }
  ) throws -> TorchAdamW {
    try TorchAdamW(status, clocks: clocks, program: model.program(), hasMoments: hasMoments)
  }

  @Test("two groups, with the rate of the next step")
  func plain() throws {
    let adamW = try Self.adamW(Self.status(), Self.clocks())
    #expect(adamW.groups.map(\.weightDecay) == [0.1, 0])
    #expect(adamW.groups.map(\.parameters.count) == [6, 10])
    #expect(adamW.groups.map(\.learningRate) == [5e-4, 5e-4])
    #expect(adamW.groups.map(\.epsilon) == [1e-8, 1e-8])
    #expect(adamW.step == 4 && adamW.steps.isEmpty && adamW.parametersWithoutState.isEmpty)
    #expect(adamW.tokens == 64 && adamW.clip == 1)
  }

  @Test("multipliers make groups of their own, and leave rate times decay alone")
  func multipliers() throws {
    let clocks = try Self.clocks { index, clock in
      if index == 0 { clock.learningRateMultiplier = 0.3 }
      if index == 1 { (clock.epsilonMultiplier, clock.stepCount) = (0.5, 2) }
      if index == 2 { clock.stepCount = 0 }
    }
    let adamW = try Self.adamW(Self.status(), clocks) { $0 != 2 }
    #expect(adamW.groups.count == 4)
    let slow = try #require(adamW.groups.first { $0.learningRateMultiplier == 0.3 })
    #expect(slow.parameters == ["transformer.wte.weight"])
    #expect(slow.learningRate == 0.3 * 5e-4 && slow.weightDecay == 0.1 / 0.3)
    let eps = try #require(adamW.groups.first { $0.epsilonMultiplier == 0.5 })
    #expect(eps.parameters == ["transformer.wpe.weight"] && eps.epsilon == 5e-9)
    #expect(adamW.steps == ["transformer.wpe.weight": 2])
    #expect(adamW.parametersWithoutState == ["transformer.h.0.ln_1.weight"])
    let settings = try adamW.settings(for: Self.model, file: "file")
    #expect(settings.clocks == clocks)
    #expect(settings.learningRate == 5e-4)
    #expect(settings.optimizer == AdamWConfiguration())
  }

  @Test(
    "everything comes back, also where no parameter has the plain rate",
    arguments: AdamWConfiguration.DecayRule.allCases, [1.0, 0.7])
  func backAndForth(_ rule: AdamWConfiguration.DecayRule, _ factor: Double) throws {
    var optimizer = AdamWConfiguration(
      beta1: 0.85, beta2: 0.97, epsilon: 3e-7, weightDecay: 0.013, clip: nil, decayRule: rule)
    let clocks = try Self.clocks { index, clock in
      clock.learningRateMultiplier = factor / Double(1 + index % 3)
      clock.epsilonMultiplier = 1.1 * factor * Double(1 + index % 2)
    }
    let adamW = try Self.adamW(Self.status(optimizer), clocks)
    let read = try TorchAdamW(json: try adamW.json(), file: "file")
    #expect(read == adamW)
    let settings = try read.settings(for: Self.model, file: "file")
    #expect(settings.clocks == clocks)
    #expect(settings.learningRate == 5e-4)
    if rule == .none { (optimizer.weightDecay, optimizer.decayRule) = (0, .matrices) }
    #expect(settings.optimizer == optimizer)
  }

  @Test("groups that PyTorch made: rates and ε become multipliers")
  func foreign() throws {
    var adamW = try Self.adamW(Self.status(), Self.clocks())
    let moved = try #require(adamW.groups[0].parameters.first)
    for index in adamW.groups.indices {
      adamW.groups[index].learningRateMultiplier = nil
      adamW.groups[index].epsilonMultiplier = nil
    }
    adamW.defaults = nil
    adamW.groups[0].parameters.removeFirst()
    var other = adamW.groups[0]
    other.parameters = [moved]
    (other.learningRate, other.epsilon, other.weightDecay) = (1e-3, 1e-6, 0.05)
    adamW.groups.append(other)
    let settings = try adamW.settings(for: Self.model, file: "file")
    #expect(settings.learningRate == 5e-4 && settings.optimizer.epsilon == 1e-8)
    #expect(settings.optimizer.weightDecay == 0.1 && settings.optimizer.decayRule == .matrices)
    #expect(settings.clocks[0].learningRateMultiplier == 2)
    #expect(abs(settings.clocks[0].epsilonMultiplier - 100) < 1e-9)
    #expect(settings.clocks[1].learningRateMultiplier == 1)
  }

  @Test("entries that train otherwise than the rest of their tensor have no counterpart")
  func newEntries() throws {
    let entries = EntryRanges([[0..<2], []])
    for (rate, hasOwnCount, what) in [
      (NewEntries.Rate(factor: 1.3, steps: 250), false, "with a learning rate of their own"),
      (nil, true, "with a step count of their own"),
      (NewEntries.Rate(), true, "with a learning rate and a step count of their own"),
    ] {
      let clocks = try Self.clocks { index, clock in
        guard index == 1 else { return }
        clock.newEntries = [NewEntries(entries, rate: rate, hasOwnCount: hasOwnCount)]
      }
      let error = #expect(throws: TrainingError.self) { try Self.adamW(Self.status(), clocks) }
      #expect(error?.subject == "transformer.wpe.weight")
      #expect(error?.message.contains(what) ?? false, "\(error?.message ?? "")")
    }
  }

  @Test("what PyTorch counts in float32 ends at 2²⁴")
  func counts() throws {
    let clocks = try Self.clocks { _, clock in clock.stepCount = 1 << 24 }
    #expect(try Self.adamW(Self.status(), clocks).step == 1 << 24)
    let later = try Self.clocks { _, clock in clock.stepCount = 1 << 24 + 1 }
    let error = #expect(throws: TrainingError.self) { try Self.adamW(Self.status(), later) }
    #expect(error?.message.contains("16777216") == true)
  }

  @Test("a multiplier of zero, under which decay goes on, has no counterpart")
  func zero() throws {
    let clocks = try Self.clocks { index, clock in
      if index == 0 { clock.learningRateMultiplier = 0 }
    }
    let error = #expect(throws: TrainingError.self) { try Self.adamW(Self.status(), clocks) }
    #expect(error?.subject == "transformer.wte.weight")
    let still = try Self.clocks { index, clock in
      if index == 2 { clock.learningRateMultiplier = 0 }
    }
    #expect(try Self.adamW(Self.status(), still).groups.last?.learningRate == 0)
  }

  /// Changes of the settings, and what the error must say.
  static let allMistakes: [(String, @Sendable (inout TorchAdamW) -> Void, String)] = [
    ("missing", { $0.groups[0].parameters.removeFirst() }, "missing parameters: transformer."),
    ("unknown", { $0.groups[1].parameters.append("a.b") }, "unexpected parameters: a.b"),
    (
      "twice", { $0.groups[1].parameters.append($0.groups[0].parameters[0]) },
      "parameters in two groups: transformer."
    ),
    ("betas", { $0.groups[1].beta2 = 0.999 }, "betas are 0.9, 0.999, and 0.9, 0.95"),
    ("decays", { $0.groups[1].weightDecay = 0.2 }, "is another decay"),
    ("rate", { $0.groups[1].learningRate = 1e-2 }, "lr_multiplier 1.0 of 0.0005 is 0.0005"),
    ("ε", { $0.groups[1].epsilon = 1 }, "eps_multiplier 1.0 of 1e-08"),
    (
      "odd decay",
      {
        let name = $0.groups[0].parameters.removeFirst()
        $0.groups[1].parameters.append(name)
      }, "decays 5 of 16 parameters"
    ),
    ("counts", { $0.steps["c.d"] = 1 }, "counts of unknown parameters: c.d"),
    (
      "rate of zero",
      {
        for index in 0...1 { $0.groups[index].learningRateMultiplier = nil }
        $0.groups[0].learningRate = 0
      }, "give every group its lr_multiplier"
    ),
    ("none", { $0.groups = [] }, "missing parameters"),
  ]

  @Test("settings that we do not have", arguments: allMistakes.indices)
  func mistakes(_ index: Int) throws {
    let (title, change, expected) = Self.allMistakes[index]
    var adamW = try Self.adamW(Self.status(), Self.clocks())
    change(&adamW)
    let changed = adamW
    let error = #expect(throws: TrainingError.self) {
      try changed.settings(for: Self.model, file: "adamw.safetensors")
    }
    #expect(error?.subject == "adamw.safetensors")
    #expect(error?.message.contains(expected) == true, "\(title): \(error?.message ?? "")")
  }

  /// Changes of the text, and what the error must say.
  static let allDamages: [(String, String, String)] = [
    ("{", "[", "not JSON"), ("\"AdamW\"", "\"Adam\"", "expected one of AdamW"),
    ("\"format_version\":1", "\"format_version\":2", "has format version 2"),
    ("\"step\":4", "\"step\":4.5", "step: got 4.5; expected an integer"),
    ("\"step\":4", "\"step\":-1", "step: got -1"),
    ("\"step\":4", "\"step\":1e300", "step: got 1e300"),
    ("\"step\":4", "\"steps\":4", "step: this key is missing"),
    ("\"step\":4", "\"step\":4,\"step\":4", "stands twice"),
    ("\"lr\":0.0005,\"betas\"", "\"lr\":NaN,\"betas\"", "param_groups[0].lr: got NaN"),
    ("\"lr\":0.0005,\"betas\"", "\"lr\":-1,\"betas\"", "param_groups[0].lr: got -1"),
    (
      "\"lr\":0.0005,\"betas\"", "\"lr\":1e300,\"betas\"",
      "lr: got 1e+300; expected a number from 0"
    ),
    ("\"eps\":1e-08,\"weight", "\"eps\":1e39,\"weight", "eps: got 1e+39"),
    (
      "\"clip_grad_norm\":", "\"clip_grad_norm\":1e39,\"other\":", "clip_grad_norm: got 1e+39"
    ),
    ("\"lr\":0.0005,\"betas\"", "\"betas\"", "param_groups[0].lr: this key is missing"),
    ("\"betas\":[0.9,0.95]", "\"betas\":[0.9]", "betas: got [0.9]; expected two numbers"),
    ("\"betas\":[0.9,0.95]", "\"betas\":[0.9,1]", "expected two numbers from 0 to below 1"),
    ("\"eps\":1e-08,\"weight", "\"eps\":Infinity,\"weight", "eps: got Infinity"),
    ("\"params\":[\"", "\"params\":[7,\"", "params[0]: got 7; expected text"),
    ("\"params\":[", "\"params\":7,\"x\":[", "params: got 7; expected a list"),
    ("\"params\":[", "\"amsgrad\":true,\"params\":[", "amsgrad: got true; expected false"),
    ("\"params\":[", "\"maximize\":true,\"params\":[", "maximize: got true; expected false"),
    (
      "\"params\":[", "\"decoupled_weight_decay\":false,\"params\":[",
      "decoupled_weight_decay: got false; expected true"
    ),
    (
      "\"param_groups\":[", "\"param_groups\":[7,",
      "param_groups[0]: got 7; expected a group of keys"
    ),
    ("\"step\":4", "\"step\":4,\"steps\":[]", "steps: the list is empty; expected a group of keys"),
    ("\"step\":4", "\"step\":4,\"steps\":{\"a\":-2}", "steps.a: got -2"),
    ("\"step\":4", "\"step\":4,\"without_state\":3", "without_state: got 3; expected a list"),
    ("\"tokens\":64", "\"tokens\":\"64\"", "tokens: got the text \"64\""),
    ("\"defaults\":{\"lr\":0.0005", "\"defaults\":{\"lr\":[]", "defaults.lr: the list is empty"),
  ]

  @Test("text that is no settings", arguments: allDamages.indices)
  func damages(_ index: Int) throws {
    let (from, to, expected) = Self.allDamages[index]
    let json = try Self.adamW(Self.status(), Self.clocks()).json()
    let range = try #require(json.firstRange(of: from), "\(from) in \(json)")
    let changed = json.replacingCharacters(in: range, with: to)
    let error = #expect(throws: TrainingError.self) {
      try TorchAdamW(json: changed, file: "adamw.safetensors")
    }
    #expect(error?.message.contains(expected) == true, "\(error?.message ?? "")")
  }
}
