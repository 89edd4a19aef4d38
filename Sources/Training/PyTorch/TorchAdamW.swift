// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The settings of a `torch.optim.AdamW` and what it counts: all of its state but the moments.
///
/// PyTorch keeps settings by groups of parameters, this library one configuration with two multipliers
/// for each parameter. A multiplier on the learning rate leaves learning rate times decay alone, so
/// that a group's decay is the configuration's divided by it:
///
///     lr = rate · m,   eps = ε · e,   weight_decay = decay / m
///
/// What a ``MaximalUpdateParametrization`` makes of the model's sizes is part of both multipliers.
public struct TorchAdamW: Sendable, Hashable {
  /// Parameters with the same settings.
  public struct Group: Sendable, Hashable {
    /// Their names, as `named_parameters()` gives them.
    public var parameters: [String]
    /// `lr`: the rate of the next step.
    public var learningRate: Double
    /// β₁, the first of `betas`.
    public var beta1: Double
    /// β₂, the second of `betas`.
    public var beta2: Double
    /// `eps`.
    public var epsilon: Double
    /// `weight_decay`.
    public var weightDecay: Double
    /// `lr_multiplier`, a key of our own, which PyTorch keeps; nil where the file does not say.
    public var learningRateMultiplier: Double?
    /// `eps_multiplier`, a key of our own, which PyTorch keeps; nil where the file does not say.
    public var epsilonMultiplier: Double?
  }

  /// What the optimizer was made with, before multipliers.
  public struct Defaults: Sendable, Hashable {
    /// `lr`.
    public var learningRate: Double
    /// `eps`.
    public var epsilon: Double
    /// `weight_decay`.
    public var weightDecay: Double
  }

  /// The groups; each parameter is in exactly one.
  public var groups: [Group]
  /// What the optimizer was made with; nil where the file does not say.
  public var defaults: Defaults?
  /// Updates of the parameters that have the most.
  public var step: Int
  /// Updates of the parameters that have fewer.
  public var steps: [String: Int]
  /// Parameters that have no state, since they were never updated.
  public var parametersWithoutState: Set<String>
  /// Tokens trained on; nil where that is not known.
  public var tokens: Int?
  /// The largest norm of a gradient, which PyTorch's optimizer does not know; nil for none.
  public var clip: Double?

  /// The updates that a parameter has seen.
  public func stepCount(of name: String) -> Int {
    parametersWithoutState.contains(name) ? 0 : steps[name] ?? step
  }
}

extension TorchAdamW {
  /// The most updates that PyTorch counts: it does so in float32.
  package static let largestStep = 1 << 24

  /// The settings of a training state.
  ///
  /// - Parameters:
  ///   - status: its configuration and progress.
  ///   - clocks: counts and multipliers of the program's parameters.
  ///   - program: the model's.
  ///   - hasMoments: whether a parameter of the program has moments.
  /// - Throws: ``TrainingError`` of code `invalidState` that names the parameter for what no
  ///   `AdamW` of PyTorch can hold.
  package init(
    _ status: TrainingStatus, clocks: [ParameterClock], program: Program,
    hasMoments: (Int) -> Bool
  ) throws {
    guard let optimizer = status.training.optimizer.rule as? AdamWConfiguration else {
      throw TrainingError(
        .invalidState,
        "is the state of \(status.training.optimizer.name), which no AdamW of PyTorch can "
          + "hold; export the weights alone", subject: "optimizer")
    }
    let rate = try status.nextLearningRate(of: program)
    let clocks = try status.training.effective(clocks, of: status.model)
    let parameters = try status.model.transformersParameters()
    var groups: [GroupKey: Group] = [:]
    var counts: [String: Int] = [:]
    parametersWithoutState = []
    for parameter in parameters {
      let clock = try Self.commonClock(of: parameter, clocks)
      let decays = optimizer.decayRule.applies(to: program.parameters[parameter.parts[0]])
      let key = try GroupKey(clock, decays: decays && optimizer.weightDecay > 0)
      groups[key, default: Group(key, optimizer, rate)].parameters.append(parameter.name)
      if clock.stepCount > 0 || parameter.parts.contains(where: hasMoments) {
        counts[parameter.name] = clock.stepCount
      } else {
        parametersWithoutState.insert(parameter.name)
      }
    }
    self.groups = groups.sorted { $0.key < $1.key }.map(\.value)
    defaults = Defaults(
      learningRate: rate, epsilon: optimizer.epsilon, weightDecay: optimizer.weightDecay)
    let step = counts.values.max() ?? 0
    self.step = step
    steps = counts.filter { $0.value != step }
    tokens = status.progress.tokens
    clip = optimizer.clip
  }

  /// The clock of the parameters that one tensor holds.
  private static func commonClock(
    of parameter: TransformersParameter, _ clocks: [ParameterClock]
  ) throws -> ParameterClock {
    let all = parameter.parts.map { clocks[$0] }
    if let divided = all.first(where: { !$0.newEntries.isEmpty }) {
      throw TrainingError(
        .invalidState,
        "has entries that are new since a growth, with \(divided.whatNewEntriesHave) of their own; one "
          + "tensor has one of each in PyTorch. Train on here until they are as all others, or export "
          + "the weights alone", subject: parameter.name)
    }
    var clock = all[0]
    clock.name = parameter.name
    for other in all.dropFirst() {
      var same = other
      same.name = parameter.name
      guard same == clock else {
        throw TrainingError(
          .invalidState,
          "holds \(all[0].name) and \(other.name) in PyTorch, whose step counts (\(clock.stepCount), "
            + "\(other.stepCount)) or multipliers differ; one tensor has one count there. Train on "
            + "here, or grow with the moments reset", subject: parameter.name)
      }
    }
    guard clock.stepCount <= largestStep else {
      throw TrainingError(
        .invalidState,
        "has seen \(clock.stepCount) updates, and PyTorch counts in float32, exactly up to "
          + "\(largestStep)", subject: parameter.name)
    }
    return clock
  }

  /// What parameters of one group share.
  fileprivate struct GroupKey: Hashable, Comparable {
    var decays: Bool
    var learningRateMultiplier: Double
    var epsilonMultiplier: Double

    init(_ clock: ParameterClock, decays: Bool) throws {
      self.decays = decays
      learningRateMultiplier = clock.learningRateMultiplier
      epsilonMultiplier = clock.epsilonMultiplier
      for (name, value, smallest) in [
        ("learning rate", learningRateMultiplier, decays ? Double.leastNonzeroMagnitude : 0),
        ("ε", epsilonMultiplier, 0),
      ] where !(smallest...Double.greatestFiniteMagnitude).contains(value) {
        throw TrainingError(
          .invalidState, "a multiplier of \(value) on its \(name) has no counterpart in PyTorch",
          subject: clock.name)
      }
    }

    /// What decays first, and what has no multipliers.
    static func < (left: Self, right: Self) -> Bool { left.order < right.order }
    private var order: (Int, Int, Double, Double) {
      let isPlain = learningRateMultiplier == 1 && epsilonMultiplier == 1
      return (isPlain ? 0 : 1, decays ? 0 : 1, learningRateMultiplier, epsilonMultiplier)
    }
  }
}

extension ParameterClock {
  /// What new entries do not share with the others, in the words of a message.
  fileprivate var whatNewEntriesHave: String {
    let names = [
      newEntries.contains { $0.rate != nil } ? "a learning rate" : nil,
      newEntries.contains(where: \.hasOwnCount) ? "a step count" : nil,
    ]
    return names.compactMap { $0 }.joined(separator: " and ")
  }
}

extension TorchAdamW.Group {
  fileprivate init(_ key: TorchAdamW.GroupKey, _ optimizer: AdamWConfiguration, _ rate: Double) {
    self.init(
      parameters: [], learningRate: rate * key.learningRateMultiplier, beta1: optimizer.beta1,
      beta2: optimizer.beta2, epsilon: optimizer.epsilon * key.epsilonMultiplier,
      weightDecay: key.decays ? optimizer.weightDecay / key.learningRateMultiplier : 0,
      learningRateMultiplier: key.learningRateMultiplier,
      epsilonMultiplier: key.epsilonMultiplier)
  }
}

extension TrainingStatus {
  /// The scheduled rate of the next step.
  package func nextLearningRate(of program: Program) throws -> Double {
    let seen = progress.tokens
    let length = training.batch.sequenceLength(
      afterTokens: seen, contextLength: model.contextLength)
    let (tokens, overflow) = training.batch.sequencesPerStep(afterTokens: seen)
      .multipliedReportingOverflow(by: length)
    guard !overflow, Self.counts.contains(tokens) else {
      throw TrainingError(
        .invalidState, "a step of so many tokens is not possible", subject: "batch")
    }
    let step = TrainingProgress(
      steps: 1, tokens: tokens,
      floatingPointOperations: Double(tokens)
        * program.floatingPointOperations(sequenceLength: length).training)
    return training.schedule.rate(at: progress + step, position: position)
  }
}
