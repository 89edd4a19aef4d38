// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import LinearAlgebra

extension Interpreter {
  /// y = f(x).
  func activate(
    _ kind: Program.ActivationKind, _ x: Activations<Scalar>, into y: Activations<Scalar>
  ) {
    let width = y.columnCount
    y.copy(x)
    y.forEachRow(cost: 30, arithmetic) { _, y in
      for column in 0..<width { y[column] = kind.value(y[column]) }
    }
  }

  /// dx += f′(x) · dy.
  func activateBackward(
    _ kind: Program.ActivationKind, _ x: Activations<Scalar>, _ dy: Activations<Scalar>,
    into dx: Activations<Scalar>
  ) {
    let width = dx.columnCount
    dx.forEachRow(with: x, and: dy) { dx, x, dy in
      for column in 0..<width { dx[column] += kind.derivative(x[column]) * dy[column] }
    }
  }
}

extension Program.ActivationKind {
  /// The function.
  package func value(_ x: Double) -> Double {
    switch self {
    case .geluTanh: 0.5 * x * (1 + tanh(tanhArgument(x)))
    case .gelu: 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
    case .silu: x / (1 + exp(-x))
    }
  }

  /// Its derivative.
  package func derivative(_ x: Double) -> Double {
    switch self {
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

  private func tanhArgument(_ x: Double) -> Double {
    (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
  }
}
