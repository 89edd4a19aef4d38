// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Scaled dot-product attention of each sequence and each query head: with scores s = scale · q·k,
/// weights p = softmax(s), thinned weights a = p · mask, out = a v.
package struct AttentionOperation {
  package var headCount: Int
  package var keyValueHeadCount: Int
  package var headSize: Int
  package var causal: Bool
  /// How many keys a query sees, its own position's the last; nil for all.
  package var window: Int?
  package var scale: Double
  package var length: Int
  /// The factor on weight number e of the batch: 0 where dropped, 1 / (1 − rate) where kept.
  package var mask: (UInt64) -> Double

  package init(
    headCount: Int, keyValueHeadCount: Int, headSize: Int, causal: Bool, window: Int? = nil,
    scale: Double, length: Int, mask: @escaping (UInt64) -> Double = { _ in 1 }
  ) {
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.causal = causal
    self.window = window
    self.scale = scale
    self.length = length
    self.mask = mask
  }

  package func forward(_ q: Matrix, _ k: Matrix, _ v: Matrix) -> Matrix {
    var out = Matrix(zeros: q.rowCount, headCount * headSize)
    forEachRow(of: q) { place in
      for (key, weight) in weights(q, k, place).enumerated() {
        let thinned = weight * mask(place.element(key))
        for c in 0..<headSize {
          out[place.row, place.queryColumn + c] +=
            thinned * v[place.firstRow + key, place.keyColumn + c]
        }
      }
    }
    return out
  }

  /// da = dout·v, dp = da · mask, ds = p · (dp − Σ p dp); dv = Σ a dout, dq = scale Σ ds k,
  /// dk = scale Σ ds q.
  package func backward(
    _ q: Matrix, _ k: Matrix, _ v: Matrix, _ dout: Matrix
  ) -> (dq: Matrix, dk: Matrix, dv: Matrix) {
    var dq = Matrix(zeros: q.rowCount, q.columnCount)
    var dk = Matrix(zeros: k.rowCount, k.columnCount)
    var dv = Matrix(zeros: v.rowCount, v.columnCount)
    forEachRow(of: q) { place in
      let p = weights(q, k, place)
      var dp = [Double](repeating: 0, count: p.count)
      for key in p.indices {
        let factor = mask(place.element(key))
        for c in 0..<headSize {
          let gradient = dout[place.row, place.queryColumn + c]
          dp[key] += factor * gradient * v[place.firstRow + key, place.keyColumn + c]
          dv[place.firstRow + key, place.keyColumn + c] += factor * p[key] * gradient
        }
      }
      let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
      for key in p.indices {
        let ds = scale * p[key] * (dp[key] - mean)
        for c in 0..<headSize {
          dq[place.row, place.queryColumn + c] += ds * k[place.firstRow + key, place.keyColumn + c]
          dk[place.firstRow + key, place.keyColumn + c] += ds * q[place.row, place.queryColumn + c]
        }
      }
    }
    return (dq, dk, dv)
  }

  /// One query of one head of one sequence.
  private struct Place {
    var row: Int
    var firstRow: Int
    var keyCount: Int
    var queryColumn: Int
    var keyColumn: Int
    var firstElement: UInt64

    func element(_ key: Int) -> UInt64 { firstElement + UInt64(key) }
  }

  private func forEachRow(of q: Matrix, _ body: (Place) -> Void) {
    for sequence in 0..<q.rowCount / length {
      for head in 0..<headCount {
        for query in 0..<length {
          let row = (sequence * headCount + head) * length + query
          body(
            Place(
              row: sequence * length + query, firstRow: sequence * length,
              keyCount: causal ? query + 1 : length, queryColumn: head * headSize,
              keyColumn: head * keyValueHeadCount / headCount * headSize,
              firstElement: UInt64(row) * UInt64(length)))
        }
      }
    }
  }

  private func weights(_ q: Matrix, _ k: Matrix, _ place: Place) -> [Double] {
    let first = window.map { max(0, place.keyCount - $0) } ?? 0
    let scores = (0..<place.keyCount).map { key in
      if key < first { return -Double.infinity }
      var sum = 0.0
      for c in 0..<headSize {
        sum += q[place.row, place.queryColumn + c] * k[place.firstRow + key, place.keyColumn + c]
      }
      return scale * sum
    }
    return softmax(scores)
  }
}

/// exp(x) / Σ exp(x), with the largest taken off first so that nothing overflows.
package func softmax(_ scores: [Double]) -> [Double] {
  let largest = scores.max() ?? 0
  let powers = scores.map { exp($0 - largest) }
  let sum = powers.reduce(0, +)
  return powers.map { $0 / sum }
}
