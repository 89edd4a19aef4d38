// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// What takes elements one by one.

extension Lowering {
  func scale(_ input: Program.Value, by factor: Double, _ output: Program.Value) -> Tensor {
    onBackward(output) { [self] dy in contribute(dy * factor, to: input) }
    return value(input) * factor
  }

  func multiply(
    _ left: Program.Value, _ right: Program.Value, _ output: Program.Value
  ) -> Tensor {
    let (a, b) = (value(left), value(right))
    onBackward(output) { [self] dy in
      contribute(dy * b, to: left)
      contribute(dy * a, to: right)
    }
    return a * b
  }

  func add(_ left: Program.Value, _ right: Program.Value, _ output: Program.Value) -> Tensor {
    onBackward(output) { [self] dy in
      contribute(dy, to: left)
      contribute(dy, to: right)
    }
    return value(left) + value(right)
  }

  func activate(
    _ kind: Program.ActivationKind, _ input: Program.Value, _ output: Program.Value
  ) -> Tensor {
    let (y, slope) = apply(kind, value(input))
    onBackward(output) { [self] dy in contribute(dy * slope(), to: input) }
    return y
  }

  /// f(x), and f′(x) as something to be written where it is needed.
  func apply(_ kind: Program.ActivationKind, _ x: Tensor) -> (y: Tensor, slope: () -> Tensor) {
    switch kind {
    case .silu:
      let sigmoid = x.logistic()
      return (x * sigmoid, { sigmoid * (1 + x * (1 - sigmoid)) })
    case .gelu:
      // Half of 1 + erf(x / √2), and the density of the standard normal distribution.
      let share = (1 + (x * 0.5.squareRoot()).errorFunction()) * 0.5
      return (
        x * share,
        { share + x * (x * x * -0.5).exponential() * (1 / (2 * Double.pi).squareRoot()) }
      )
    case .geluTanh:
      let factor = (2 / Double.pi).squareRoot()
      let cubic = 0.044715
      let t = ((x + x * x * x * cubic) * factor).hyperbolicTangent()
      return (
        x * (1 + t) * 0.5,
        { (1 + t) * 0.5 + x * (1 - t * t) * (1 + x * x * (3 * cubic)) * (0.5 * factor) }
      )
    }
  }
}
