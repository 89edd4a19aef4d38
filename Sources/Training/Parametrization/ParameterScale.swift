// SPDX-License-Identifier: Apache-2.0

/// What a parametrization makes of one parameter's start and steps; all 1 in a model of the base's sizes.
///
/// There is no factor on the decay: a step shrinks a parameter by the scheduled rate times the decay,
/// whatever its own rate, and that product is the same in every size (Dey et al., arXiv 2505.01618, table 1:
/// rate × base/width, decay × width/base).
public struct ParameterScale: Sendable, Hashable {
  /// Factor on the initial values that the parameter has in the base model.
  public var initialValue: Double
  /// Factor on the scheduled learning rate.
  public var learningRate: Double
  /// Factor on AdamW's ε.
  public var epsilon: Double

  /// Makes a scale.
  public init(initialValue: Double = 1, learningRate: Double = 1, epsilon: Double = 1) {
    self.initialValue = initialValue
    self.learningRate = learningRate
    self.epsilon = epsilon
  }
}

extension [ParameterClock] {
  /// The clocks with a parametrization's factors in their multipliers.
  ///
  /// - Parameter scales: in the clocks' order; nil for factors of 1.
  func scaled(by scales: [ParameterScale]?) -> [ParameterClock] {
    guard let scales else { return self }
    return zip(self, scales).map { clock, scale in
      var clock = clock
      clock.learningRateMultiplier *= scale.learningRate
      clock.epsilonMultiplier *= scale.epsilon
      return clock
    }
  }

  /// What ``scaled(by:)`` makes these clocks of.
  func unscaled(by scales: [ParameterScale]?) -> [ParameterClock] {
    scaled(
      by: scales?.map {
        ParameterScale(learningRate: 1 / $0.learningRate, epsilon: 1 / $0.epsilon)
      })
  }
}
