// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The settings of AdamW (Loshchilov & Hutter, arXiv 1711.05101) as PyTorch computes it, and of the
/// gradient clip before it.
public struct AdamWConfiguration: Sendable, Hashable {
  /// Which parameters decay.
  public enum DecayRule: String, Sendable, Hashable, CaseIterable, Codable {
    /// Matrices and embeddings, not norms and biases.
    case matrices
    /// Every parameter.
    case all
    /// No parameter.
    case none

    /// Whether a parameter decays.
    public func applies(to parameter: ParameterSpec) -> Bool {
      switch self {
      case .matrices: parameter.decays
      case .all: true
      case .none: false
      }
    }
  }

  /// β₁, the mean's memory.
  public var beta1: Double
  /// β₂, the mean square's memory.
  public var beta2: Double
  /// ε, added outside the root.
  public var epsilon: Double
  /// The decay, which the learning rate multiplies.
  public var weightDecay: Double
  /// The largest global norm of a step's gradient; nil for no clip.
  public var clip: Double?
  /// Which parameters decay.
  public var decayRule: DecayRule

  /// The largest number of float32, in which the optimizer computes.
  static let largestNumber = Double(Float.greatestFiniteMagnitude)

  /// Makes a configuration; ``validate(_:)`` checks it.
  public init(
    beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 0.1,
    clip: Double? = 1, decayRule: DecayRule = .matrices
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.clip = clip
    self.decayRule = decayRule
  }
}

extension AdamWConfiguration: Optimizer {
  /// `adamW`.
  public static let key = "adamW"
  /// AdamW.
  public static let name = "AdamW"
  /// The usual settings.
  public static let usual = AdamWConfiguration()

  /// Its own settings, and those that all optimizers have.
  public static let settings: [OptimizerSetting<AdamWConfiguration>] =
    [
      .number(
        "beta1", \.beta1, .from(0, below: 1), label: "β₁", meaning: "memory of the mean"),
      .number(
        "beta2", \.beta2, .from(0, below: 1), label: "β₂", meaning: "memory of the mean square"),
      .number(
        "epsilon", \.epsilon, .atLeast(0), label: "ε", meaning: "added outside the root"),
    ] + commonSettings

  /// The settings that every optimizer has.
  static let commonSettings: [OptimizerSetting<AdamWConfiguration>] = [
    .number(
      "weightDecay", \.weightDecay, .atLeast(0), label: "weight decay",
      meaning: "the decay, which the learning rate multiplies"),
    .optionalNumber(
      "clip", \.clip, .above(0), label: "clip",
      meaning: "the largest global norm of a step's gradient"),
    .word(
      "decayRule", \.decayRule,
      meaning: "what decays: matrices and embeddings, everything, nothing"),
  ]

  /// A gradient times γ and ε times γ leave a step as it was.
  public static let keepsTrajectory = true

  /// Both moments.
  public static let slots: [StateSlot] = [.firstMoment, .secondMoment]

  /// Itself.
  public var adamW: AdamWConfiguration {
    get { self }
    set { self = newValue }
  }

  /// Both moments, of every parameter.
  public func slots(of parameter: ParameterSpec) -> [StateSlot] { Self.slots }

  /// β₁ and β₂.
  public func memories(of parameter: ParameterSpec) -> [Double] { [beta1, beta2] }

  /// The next update of a parameter.
  public func update(
    of parameter: ParameterSpec, clock: ParameterClock, learningRate: Double
  ) -> ParameterUpdate {
    .adamW(adamWUpdate(of: parameter, clock: clock, learningRate: learningRate))
  }

  /// The next update of each parameter, in the order of both lists.
  public func updates(
    learningRate: Double, parameters: [ParameterSpec], clocks: [ParameterClock]
  ) -> [AdamWUpdate] {
    zip(parameters, clocks).map { adamWUpdate(of: $0, clock: $1, learningRate: learningRate) }
  }

  private func adamWUpdate(
    of parameter: ParameterSpec, clock: ParameterClock, learningRate: Double
  ) -> AdamWUpdate {
    let rate = learningRate * clock.learningRateMultiplier
    var update = AdamWUpdate(
      learningRate: rate, beta1: beta1, beta2: beta2,
      epsilon: epsilon * clock.epsilonMultiplier, weightDecay: 0, stepCount: clock.stepCount + 1)
    update.decayFactor = decayRule.applies(to: parameter) ? learningRate * weightDecay : 0
    update.byEntry = clock.grid(parameter.shape) { factor, stepCount in
      AdamWStep(
        learningRate: rate * factor, beta1: beta1, beta2: beta2, stepCount: stepCount + 1)
    }
    return update
  }
}

extension OptimizerConfiguration {
  /// AdamW.
  public static func adamW(_ settings: AdamWConfiguration) -> OptimizerConfiguration {
    OptimizerConfiguration(settings)
  }
}

/// The numbers of one AdamW update of one parameter.
///
/// Loshchilov & Hutter, arXiv 1711.05101, as PyTorch's `AdamW` computes it:
///
///     θ ← θ · (1 − decayFactor)
///     m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
///     θ ← θ − stepSize · m / (√v · inverseRootCorrection + ε)
///
/// Where the last divisor is zero, which takes ε = 0 and squared gradients that were always zero,
/// there is no step; PyTorch's 0/0 makes the parameter NaN.
public struct AdamWUpdate: Sendable, Hashable {
  /// β₁.
  public var beta1: Double
  /// β₂.
  public var beta2: Double
  /// ε, outside the root.
  public var epsilon: Double
  /// Learning rate × weight decay; 0 for no decay.
  public var decayFactor: Double
  /// Learning rate / (1 − β₁ᵗ), t counting this update.
  public var stepSize: Double
  /// 1 / √(1 − β₂ᵗ), t counting this update.
  public var inverseRootCorrection: Double
  /// What stands for the two numbers above where entries have a rate or a count of their own; nil where
  /// none have.
  public var byEntry: EntryGrid<AdamWStep>?

  /// The update number `stepCount`, counted from 1.
  public init(
    learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
    stepCount: Int
  ) {
    precondition(stepCount > 0, "step count \(stepCount); the first update is 1")
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    decayFactor = learningRate * weightDecay
    let step = AdamWStep(
      learningRate: learningRate, beta1: beta1, beta2: beta2, stepCount: stepCount)
    (stepSize, inverseRootCorrection) = (step.stepSize, step.inverseRootCorrection)
  }

  /// Calls `body` for stretches of row-major elements, each with the update that all of it takes.
  ///
  /// - Parameter range: the elements to be covered.
  public func forEachRun(
    in range: Range<Int>, _ body: (Range<Int>, AdamWUpdate) throws -> Void
  ) rethrows {
    guard let byEntry else { return try body(range, self) }
    var update = self
    update.byEntry = nil
    try byEntry.forEachRun(in: range) { run, step in
      (update.stepSize, update.inverseRootCorrection) = (step.stepSize, step.inverseRootCorrection)
      try body(run, update)
    }
  }

  /// What is subtracted from a parameter: stepSize · m / divisor, and zero where the divisor is.
  ///
  /// - Parameters:
  ///   - mean: m, after this update.
  ///   - divisor: √v · inverseRootCorrection + ε.
  public func step(_ mean: Double, _ divisor: Double) -> Double {
    divisor == 0 ? 0 : stepSize * mean / divisor
  }
}

/// The numbers of an ``AdamWUpdate`` that differ between entries of a parameter.
public struct AdamWStep: Sendable, Hashable {
  /// Learning rate / (1 − β₁ᵗ).
  public var stepSize: Double
  /// 1 / √(1 − β₂ᵗ).
  public var inverseRootCorrection: Double

  /// The numbers of update number `stepCount`, counted from 1.
  init(learningRate: Double, beta1: Double, beta2: Double, stepCount: Int) {
    stepSize = learningRate / (1 - beta1.raised(to: stepCount))
    inverseRootCorrection = 1 / (1 - beta2.raised(to: stepCount)).squareRoot()
  }
}
