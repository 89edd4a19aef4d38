// SPDX-License-Identifier: Apache-2.0
import Tensors

/// One parameter as training holds it.
public struct ParameterState: Sendable {
  /// The value, float32, shaped as the spec says.
  public var value: HostTensor
  /// AdamW's running mean of gradients; nil stands for zeros.
  public var firstMoment: HostTensor?
  /// AdamW's running mean of squared gradients; nil stands for zeros.
  public var secondMoment: HostTensor?
  /// Updates that the moments have seen; bias correction needs it, and growth starts new
  /// parameters at 0.
  public var stepCount: Int
  /// Factor on the scheduled learning rate.
  public var learningRateMultiplier: Double
  /// Factor on AdamW's ε.
  public var epsilonMultiplier: Double

  /// A parameter before its first update.
  public init(
    value: HostTensor, firstMoment: HostTensor? = nil, secondMoment: HostTensor? = nil,
    stepCount: Int = 0, learningRateMultiplier: Double = 1, epsilonMultiplier: Double = 1
  ) {
    self.value = value
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
    self.stepCount = stepCount
    self.learningRateMultiplier = learningRateMultiplier
    self.epsilonMultiplier = epsilonMultiplier
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
    stepSize = learningRate / (1 - _pow(beta1, stepCount))
    inverseRootCorrection = 1 / (1 - _pow(beta2, stepCount)).squareRoot()
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

/// base^exponent by squaring, the same on every system.
private func _pow(_ base: Double, _ exponent: Int) -> Double {
  var result = 1.0
  var factor = base
  var rest = exponent
  while rest > 0 {
    if rest & 1 == 1 { result *= factor }
    factor *= factor
    rest >>= 1
  }
  return result
}
