// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation

/// Turns the pair (j, j + r / 2) of each head in some columns by position · frequency j, r being the
/// number of components that turn.
package struct RotaryOperation {
  package var embedding: RotaryEmbedding
  package var headSize: Int
  package var columns: Range<Int>
  package var length: Int

  package init(embedding: RotaryEmbedding, headSize: Int, columns: Range<Int>, length: Int) {
    self.embedding = embedding
    self.headSize = headSize
    self.columns = columns
    self.length = length
  }

  package func forward(_ x: Matrix) -> Matrix { turned(x, sign: 1) }

  /// A turn's derivative is the turn back.
  package func backward(_ dy: Matrix) -> Matrix { turned(dy, sign: -1) }

  private func turned(_ x: Matrix, sign: Double) -> Matrix {
    var y = x
    let frequencies = embedding.frequencies(headSize: headSize)
    for row in 0..<x.rowCount {
      for head in stride(from: columns.lowerBound, to: columns.upperBound, by: headSize) {
        for (pair, frequency) in frequencies.enumerated() {
          let angle = sign * Double(row % length) * frequency
          let first = head + pair
          let second = first + frequencies.count
          y[row, first] = x[row, first] * cos(angle) - x[row, second] * sin(angle)
          y[row, second] = x[row, second] * cos(angle) + x[row, first] * sin(angle)
        }
      }
    }
    return y
  }
}
