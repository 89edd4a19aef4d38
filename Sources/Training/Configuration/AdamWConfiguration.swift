// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The settings of AdamW (Loshchilov & Hutter, arXiv 1711.05101) as PyTorch computes it, and of the
/// gradient clip before it.
public struct AdamWConfiguration: Sendable, Hashable, Codable {
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

  /// Checks the numbers.
  ///
  /// - Parameter key: the key of the optimizer in error messages.
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate(_ key: String = "optimizer") throws {
    for (name, beta) in [("beta1", beta1), ("beta2", beta2)] {
      try TrainingError.check(
        (0..<1).contains(beta), "\(key).\(name)", "\(beta) is not from 0 to below 1")
    }
    try TrainingError.check(
      epsilon.isFinite && epsilon >= 0, "\(key).epsilon", "\(epsilon) is negative or not finite")
    try TrainingError.check(
      weightDecay.isFinite && weightDecay >= 0, "\(key).weightDecay",
      "\(weightDecay) is negative or not finite")
    if let clip {
      try TrainingError.check(
        clip.isFinite && clip > 0, "\(key).clip",
        "\(clip) is not positive; leave it out for no clip")
    }
  }
}
