// SPDX-License-Identifier: Apache-2.0
import Training

/// How far an engine may be from what it is compared with.
///
/// All are relative: to the norm of the tensor, the largest logit, or the loss. They are what the
/// project promises, and are never loosened so that a test passes.
///
/// float32 rounds to 6e-8; whole models of two to three layers add up to about 1e-6. bfloat16 rounds
/// each operand to 4e-3; PyTorch's own bfloat16 is 9e-3 from its float64 on the golden models.
package struct Tolerances: Sendable {
  /// Logits of a whole model.
  package let logits: Double
  /// Losses, of one batch and along ten optimizer steps.
  package let loss: Double
  /// Gradients of a whole model, each tensor's by itself.
  package let gradients: Double
  /// The same with weights so strong that activations saturate.
  ///
  /// In bfloat16 this holds for the test's own data and no more: other random weights of that
  /// strength have shown 4e-2.
  package let gradientsOfStrongWeights: Double

  /// What holds for a precision.
  package static func of(_ precision: Precision) -> Tolerances {
    switch precision {
    case .fp32:
      Tolerances(logits: 1e-5, loss: 1e-5, gradients: 1e-5, gradientsOfStrongWeights: 1e-5)
    case .bf16:
      Tolerances(logits: 1e-2, loss: 1e-2, gradients: 1e-2, gradientsOfStrongWeights: 3e-2)
    }
  }

  /// Parameters without a true gradient, as the keys' biases.
  ///
  /// Adam makes steps of their gradients' rounding noise. PyTorch's own float32 is 4e-5 from its
  /// float64 there.
  package static let rounding = 1e-3
}
