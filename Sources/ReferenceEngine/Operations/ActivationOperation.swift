// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation

/// The element-wise functions and their derivatives.
package enum ActivationOperation {
  package static func forward(_ kind: Program.ActivationKind, _ x: Matrix) -> Matrix {
    x.map { value(kind, $0) }
  }

  package static func backward(
    _ kind: Program.ActivationKind, _ x: Matrix, _ dy: Matrix
  ) -> Matrix {
    x.combined(with: dy) { derivative(kind, $0) * $1 }
  }

  package static func value(_ kind: Program.ActivationKind, _ x: Double) -> Double {
    switch kind {
    case .geluTanh: 0.5 * x * (1 + tanh(tanhArgument(x)))
    case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .silu: x / (1 + exp(-x))
    }
  }

  package static func derivative(_ kind: Program.ActivationKind, _ x: Double) -> Double {
    switch kind {
    case .geluTanh:
      let t = tanh(tanhArgument(x))
      let slope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope
    case .gelu:
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      return 0.5 * (1 + erf(x / 2.0.squareRoot())) + x * density
    case .silu:
      let sigmoid = 1 / (1 + exp(-x))
      return sigmoid * (1 + x * (1 - sigmoid))
    }
  }

  private static func tanhArgument(_ x: Double) -> Double {
    (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }
}
