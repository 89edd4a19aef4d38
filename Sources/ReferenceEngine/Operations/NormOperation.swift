// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The norms of one row: x̂ = (x − mean) / √(variance + ε), or x / √(mean of squares + ε);
/// y = x̂ · gain + bias.
package struct NormOperation {
  package var kind: Program.NormKind
  package var epsilon: Double
  package var gain: [Double]
  package var bias: [Double]?

  package init(
    kind: Program.NormKind, epsilon: Double, gain: [Double], bias: [Double]? = nil
  ) {
    self.kind = kind
    self.epsilon = epsilon
    self.gain = gain
    self.bias = bias
  }

  package func forward(_ x: Matrix) -> Matrix {
    var y = Matrix(zeros: x.rowCount, x.columnCount)
    for row in 0..<x.rowCount {
      let (normal, _) = normalised(x, row)
      for column in 0..<x.columnCount {
        y[row, column] = normal[column] * gain[column] + (bias?[column] ?? 0)
      }
    }
    return y
  }

  /// dgain = Σ dy · x̂, dbias = Σ dy; with g = dy · gain and means over the row,
  /// dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(…), without mean(g) for the root mean square.
  package func backward(
    _ x: Matrix, _ dy: Matrix
  ) -> (dx: Matrix, dgain: [Double], dbias: [Double]) {
    let width = Double(x.columnCount)
    var dx = Matrix(zeros: x.rowCount, x.columnCount)
    var dgain = [Double](repeating: 0, count: x.columnCount)
    var dbias = dgain
    for row in 0..<x.rowCount {
      let (normal, inverseRoot) = normalised(x, row)
      var sum = 0.0
      var sumWithNormal = 0.0
      for column in 0..<x.columnCount {
        dgain[column] += dy[row, column] * normal[column]
        dbias[column] += dy[row, column]
        sum += dy[row, column] * gain[column]
        sumWithNormal += dy[row, column] * gain[column] * normal[column]
      }
      let mean = kind == .layer ? sum / width : 0
      for column in 0..<x.columnCount {
        let g = dy[row, column] * gain[column]
        dx[row, column] = (g - mean - normal[column] * sumWithNormal / width) * inverseRoot
      }
    }
    return (dx, dgain, dbias)
  }

  private func normalised(_ x: Matrix, _ row: Int) -> (values: [Double], inverseRoot: Double) {
    let width = Double(x.columnCount)
    var values = (0..<x.columnCount).map { x[row, $0] }
    if kind == .layer {
      let mean = values.reduce(0, +) / width
      values = values.map { $0 - mean }
    }
    let meanSquare = values.reduce(0) { $0 + $1 * $1 } / width
    let inverseRoot = 1 / (meanSquare + epsilon).squareRoot()
    return (values.map { $0 * inverseRoot }, inverseRoot)
  }
}

extension NormOperation {
  /// The norm of each head of each row.
  package func forwardByHead(_ x: Matrix) -> Matrix {
    let heads = forward(Self.heads(of: x, gain.count))
    return Matrix(heads.elements, rowCount: x.rowCount, columnCount: x.columnCount)
  }

  /// Its derivatives; that by the gain sums over all heads.
  package func backwardByHead(_ x: Matrix, _ dy: Matrix) -> (dx: Matrix, dgain: [Double]) {
    let size = gain.count
    let (dx, dgain, _) = backward(Self.heads(of: x, size), Self.heads(of: dy, size))
    return (Matrix(dx.elements, rowCount: x.rowCount, columnCount: x.columnCount), dgain)
  }

  private static func heads(of x: Matrix, _ size: Int) -> Matrix {
    Matrix(x.elements, rowCount: x.elements.count / size, columnCount: size)
  }
}
