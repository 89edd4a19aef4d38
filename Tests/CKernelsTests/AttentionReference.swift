// SPDX-License-Identifier: Apache-2.0
import CKernels
import Foundation

/// The shape of one attention problem: one key/value head with its query heads, fused.
///
/// Rows of the input are positions: `group` query heads, the key head, the value head, and `padding`
/// columns that belong to nobody. Queries are those of the last `queryRows` rows.
struct AttentionShape: CustomStringConvertible, Sendable {
  var queryRows: Int
  var keyRows: Int
  var headSize: Int
  var group = 1
  var causal = true
  /// Keys that a query sees; 0 for all.
  var window = 0
  var dropout = 0.0
  var scale: Float
  var padding = 3
  var firstHead = 5

  init(
    queryRows: Int, keyRows: Int, headSize: Int, group: Int = 1, causal: Bool = true,
    window: Int = 0, dropout: Double = 0, scale: Float? = nil
  ) {
    self.queryRows = queryRows
    self.keyRows = keyRows
    self.headSize = headSize
    self.group = group
    self.causal = causal
    self.window = window
    self.dropout = dropout
    self.scale = scale ?? Float(1 / Double(headSize).squareRoot())
  }

  static let random = ck_random(key0: 0xDEAD_BEEF, key1: 42, counter2: 7, counter3: 0x8000_0001)

  var inputWidth: Int { (group + 2) * headSize + padding }
  var outputWidth: Int { group * headSize + padding }
  var inputCount: Int { keyRows * inputWidth }
  var outputCount: Int { queryRows * outputWidth }
  /// The position of the first query.
  var offset: Int { keyRows - queryRows }

  func query(_ head: Int, _ row: Int) -> Int { (offset + row) * inputWidth + head * headSize }
  func key(_ row: Int) -> Int { row * inputWidth + group * headSize }
  func value(_ row: Int) -> Int { key(row) + headSize }
  func output(_ head: Int, _ row: Int) -> Int { row * outputWidth + head * headSize }

  var kernelShape: ck_attention {
    ck_attention(
      query_rows: queryRows, key_rows: keyRows, head_size: headSize, group: group,
      ldq: inputWidth, ldk: inputWidth, ldv: inputWidth, ldo: outputWidth, causal: causal ? 1 : 0,
      window: window, scale: scale, dropout: dropout, random: Self.random)
  }

  var description: String {
    "\(queryRows)/\(keyRows) rows, heads \(group)×\(headSize)\(causal ? "" : ", full")"
      + (window > 0 ? ", window of \(window)" : "") + (dropout > 0 ? ", dropout" : "")
  }
}

/// Attention by its definition, in float64; inputs and outputs lie as `AttentionShape` says.
struct AttentionReference {
  let shape: AttentionShape
  /// [group · queryRows · keyRows]: 0 where dropped, else 1 / (1 − rate).
  let mask: [Double]

  init(_ shape: AttentionShape) {
    self.shape = shape
    let perHead = shape.queryRows * shape.keyRows
    let random = AttentionShape.random
    let twin = PhiloxTwin(key: (random.key0, random.key1))
    mask = (0..<shape.group * perHead).map { index in
      guard shape.dropout > 0 else { return 1 }
      let element = UInt64(shape.firstHead * perHead + index)
      let word = twin.word(element, counter2: random.counter2, counter3: random.counter3)
      return Double(word) >= shape.dropout * 0x1p32 ? 1 / (1 - shape.dropout) : 0
    }
  }

  private func visible(_ row: Int) -> Int {
    shape.causal ? shape.offset + row + 1 : shape.keyRows
  }

  private func first(_ row: Int) -> Int {
    shape.window > 0 ? max(0, visible(row) - shape.window) : 0
  }

  /// The weights of one row before dropout, and the logarithm of their sum.
  private func weights(_ x: [Double], head: Int, row: Int) -> (weights: [Double], lse: Double) {
    let q = shape.query(head, row)
    var scores = [Double](repeating: 0, count: visible(row))
    for j in 0..<scores.count {
      if j < first(row) {
        scores[j] = -.infinity
        continue
      }
      let k = shape.key(j)
      var sum = 0.0
      for c in 0..<shape.headSize { sum += x[q + c] * x[k + c] }
      scores[j] = sum * Double(shape.scale)
    }
    let largest = scores.max() ?? 0
    let exponentials = scores.map { exp($0 - largest) }
    let sum = exponentials.reduce(0, +)
    return (exponentials.map { $0 / sum }, largest + log(sum))
  }

  /// `x` is [keyRows, inputWidth]; `out` [queryRows, outputWidth], `lse` [group, queryRows].
  func forward(_ x: [Double]) -> (out: [Double], lse: [Double]) {
    var out = [Double](repeating: 0, count: shape.outputCount)
    var lse: [Double] = []
    for head in 0..<shape.group {
      for row in 0..<shape.queryRows {
        let (weights, logSum) = weights(x, head: head, row: row)
        lse.append(logSum)
        let o = shape.output(head, row)
        let m = (head * shape.queryRows + row) * shape.keyRows
        for (j, weight) in weights.enumerated() {
          let (v, w) = (shape.value(j), weight * mask[m + j])
          for c in 0..<shape.headSize { out[o + c] += w * x[v + c] }
        }
      }
    }
    return (out, lse)
  }

  /// The gradient of Σ out ⊙ dout by x.
  func backward(_ x: [Double], _ dout: [Double]) -> [Double] {
    var dx = [Double](repeating: 0, count: shape.inputCount)
    for head in 0..<shape.group {
      for row in 0..<shape.queryRows { addGradient(x, dout, head: head, row: row, to: &dx) }
    }
    return dx
  }

  private func addGradient(
    _ x: [Double], _ dout: [Double], head: Int, row: Int, to dx: inout [Double]
  ) {
    let weights = weights(x, head: head, row: row).weights
    let (q, o) = (shape.query(head, row), shape.output(head, row))
    let m = (head * shape.queryRows + row) * shape.keyRows
    var dweights = [Double](repeating: 0, count: weights.count)
    for (j, weight) in weights.enumerated() {
      let (v, w) = (shape.value(j), weight * mask[m + j])
      var sum = 0.0
      for c in 0..<shape.headSize {
        sum += dout[o + c] * x[v + c]
        dx[v + c] += w * dout[o + c]
      }
      dweights[j] = sum * mask[m + j]
    }
    let mean = zip(weights, dweights).map { $0 * $1 }.reduce(0, +)
    for (j, weight) in weights.enumerated() {
      let (k, dscore) = (shape.key(j), weight * (dweights[j] - mean) * Double(shape.scale))
      for c in 0..<shape.headSize {
        dx[q + c] += dscore * x[k + c]
        dx[k + c] += dscore * x[q + c]
      }
    }
  }
}
