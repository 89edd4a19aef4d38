// SPDX-License-Identifier: Apache-2.0
import Training

/// Muon's update in float64 and plain loops, as ``MuonUpdate`` writes it.
enum MuonOperation {
  /// Updates a matrix and its momentum.
  static func apply(
    _ update: MuonUpdate, gradient: [Double], value: inout [Double], momentum: inout [Double]
  ) {
    let memory = update.momentum
    var direction = gradient
    for index in gradient.indices {
      momentum[index] = memory * momentum[index] + (1 - memory) * gradient[index]
      direction[index] =
        update.nesterov
        ? memory * momentum[index] + (1 - memory) * gradient[index] : momentum[index]
    }
    let step = orthogonalised(
      Matrix(direction, rowCount: update.rows, columnCount: update.columns), update.iterations)
    for index in value.indices {
      value[index] =
        value[index] * (1 - update.decayFactor) - update.stepSize * step.elements[index]
    }
  }

  /// The iteration of Newton and Schulz from the left, on the matrix or its transpose.
  private static func orthogonalised(_ matrix: Matrix, _ iterations: Int) -> Matrix {
    let isTall = matrix.rowCount > matrix.columnCount
    var x = isTall ? transposed(matrix) : matrix
    let norm = x.elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
    x = x.map { $0 / max(norm, MuonUpdate.leastNorm) }
    let (a, b, c) = MuonUpdate.coefficients
    for _ in 0..<iterations {
      let gram = product(x, transposed(x))
      let map = gram.map { b * $0 }.combined(with: product(gram, gram)) { $0 + c * $1 }
      x = x.map { a * $0 }.combined(with: product(map, x), +)
    }
    return isTall ? transposed(x) : x
  }

  private static func product(_ left: Matrix, _ right: Matrix) -> Matrix {
    var result = Matrix(zeros: left.rowCount, right.columnCount)
    for row in 0..<left.rowCount {
      for column in 0..<right.columnCount {
        var sum = 0.0
        for index in 0..<left.columnCount { sum += left[row, index] * right[index, column] }
        result.elements[row * right.columnCount + column] = sum
      }
    }
    return result
  }

  private static func transposed(_ matrix: Matrix) -> Matrix {
    var result = Matrix(zeros: matrix.columnCount, matrix.rowCount)
    for row in 0..<matrix.rowCount {
      for column in 0..<matrix.columnCount {
        result.elements[column * matrix.rowCount + row] = matrix[row, column]
      }
    }
    return result
  }
}
