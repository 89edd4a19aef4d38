// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Training

/// Whether parameters without moments start with a step count of their own.
///
/// Bias correction divides by what the moments have seen. Zero moments under an old count make the
/// first update (1 − β₁) / √(1 − β₂) times the learning rate instead of once: 3.2 times at the usual
/// β₂ of 0.999, 0.45 times at 0.95.
public enum FirstStep {
  /// The largest departure from 1 of a first update's size, in learning rates, over the parameters
  /// whose moments are all zero.
  ///
  /// - Returns: nil where every parameter has moments.
  public static func departure(
    of state: ModelState, optimizer: OptimizerConfiguration
  ) throws -> MeasuredNumber? {
    let program = try state.program()
    return .largest(
      zip(program.parameters, state.parameters).compactMap { spec, parameter in
        // Only AdamW corrects a bias.
        guard parameter.hasNoMoments, optimizer.slots(of: spec).contains(.secondMoment)
        else { return nil }
        let update = AdamWUpdate(
          learningRate: 1, beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: 0,
          weightDecay: 0, stepCount: max(0, parameter.stepCount) + 1)
        let root = (1 - optimizer.beta2).squareRoot() * update.inverseRootCorrection
        let size = update.stepSize * (1 - optimizer.beta1) / root
        return MeasuredNumber(abs(size - 1), spec.name)
      })
  }
}

extension ParameterState {
  /// Whether all that an optimizer keeps is zero.
  fileprivate var hasNoMoments: Bool {
    slots.values.allSatisfy { $0.floats.allSatisfy { $0 == 0 } }
  }
}
