// SPDX-License-Identifier: Apache-2.0
import Training

extension MuonUpdate {
  /// Updates a matrix and its momentum in float64 and plain loops, as the type's description says.
  func apply(gradient: [Double], value: inout [Double], momentum: inout [Double]) {
    let memory = self.momentum
    var direction = gradient
    for index in gradient.indices {
      momentum[index] = memory * momentum[index] + (1 - memory) * gradient[index]
      direction[index] =
        nesterov
        ? memory * momentum[index] + (1 - memory) * gradient[index] : momentum[index]
    }
    forEachRun(in: direction.indices) { run, step in
      for index in run { direction[index] *= step.directionScale }
    }
    let orthogonal = PlainMatrix(rows: rows, columns: columns, elements: direction)
      .orthogonalised(iterations)
    forEachRun(in: value.indices) { run, step in
      for index in run {
        value[index] = value[index] * (1 - decayFactor) - step.stepSize * orthogonal.elements[index]
      }
    }
  }
}

/// A row-major matrix with the products of Muon's iteration, as slow as they look.
private struct PlainMatrix {
  var rows: Int
  var columns: Int
  var elements: [Double]

  /// The iteration of Newton and Schulz from the left, on the matrix or its transpose.
  func orthogonalised(_ iterations: Int) -> PlainMatrix {
    let isTall = rows > columns
    var x = isTall ? transposed : self
    let norm = x.elements.reduce(0) { $0 + $1 * $1 }.squareRoot()
    x.elements = x.elements.map { $0 / max(norm, MuonUpdate.leastNorm) }
    let (a, b, c) = MuonUpdate.coefficients
    for _ in 0..<iterations {
      let gram = x * x.transposed
      let map = gram.combined(with: gram * gram) { b * $0 + c * $1 }
      x = x.combined(with: map * x) { a * $0 + $1 }
    }
    return isTall ? x.transposed : x
  }

  private var transposed: PlainMatrix {
    var result = PlainMatrix(rows: columns, columns: rows, elements: elements)
    for row in 0..<rows {
      for column in 0..<columns {
        result.elements[column * rows + row] = elements[row * columns + column]
      }
    }
    return result
  }

  private func combined(
    with other: PlainMatrix, _ body: (Double, Double) -> Double
  ) -> PlainMatrix {
    PlainMatrix(rows: rows, columns: columns, elements: zip(elements, other.elements).map(body))
  }

  static func * (left: PlainMatrix, right: PlainMatrix) -> PlainMatrix {
    var result = PlainMatrix(
      rows: left.rows, columns: right.columns,
      elements: [Double](repeating: 0, count: left.rows * right.columns))
    for row in 0..<left.rows {
      for column in 0..<right.columns {
        var sum = 0.0
        for index in 0..<left.columns {
          sum +=
            left.elements[row * left.columns + index]
            * right.elements[index * right.columns + column]
        }
        result.elements[row * right.columns + column] = sum
      }
    }
    return result
  }
}
