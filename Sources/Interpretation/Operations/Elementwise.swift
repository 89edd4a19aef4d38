// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra
import Training

// What takes elements one by one: scale, multiply, dropout. Backward, each adds to the input's gradient.

extension Interpreter {
  /// x = factor · x, and its derivative.
  func scale(_ x: Activations<Scalar>, by factor: Double) {
    let width = x.columnCount
    x.forEachRow(cost: 1, arithmetic) { _, x in
      for column in 0..<width { x[column] *= factor }
    }
  }

  /// y = left ⊙ right.
  func multiply(
    _ left: Activations<Scalar>, _ right: Activations<Scalar>, into y: Activations<Scalar>
  ) {
    y.copy(left)
    Scalar.multiply(y.base, by: right.base, y.count)
  }

  /// dx += dy ⊙ what x was multiplied by.
  func multiplyBackward(
    _ other: Activations<Scalar>, _ dy: Activations<Scalar>, into dx: Activations<Scalar>
  ) {
    let width = dx.columnCount
    dx.forEachRow(with: other, and: dy) { dx, other, dy in
      for column in 0..<width { dx[column] += dy[column] * other[column] }
    }
  }

  /// x = x ⊙ mask, 0 where dropped and 1 / (1 − rate) where kept; nothing without a key.
  ///
  /// Its derivative is the same.
  func drop(_ x: Activations<Scalar>, rate: Double, stream: Int) {
    let width = x.columnCount
    drop(x, width, rate: rate, stream: stream) { UInt64($0) * UInt64(width) }
  }

  /// The same to the first `width` columns, each row's elements being numbered from `element` on.
  func drop(
    _ x: Activations<Scalar>, _ width: Int, rate: Double, stream: Int,
    element: (_ row: Int) -> UInt64
  ) {
    guard let key = dropoutKey, rate > 0 else { return }
    for row in 0..<x.rowCount {
      let first = element(row)
      Scalar.withDoubles(x.row(row), width) { x in
        for column in 0..<width {
          let isKept = key.keeps(element: first + UInt64(column), stream: stream, rate: rate)
          x[column] *= isKept ? 1 / (1 - rate) : 0
        }
      }
    }
  }
}
