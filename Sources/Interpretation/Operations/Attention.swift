// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

// Scaled dot-product attention of each sequence and each query head: with scores s = scale · q·k,
// weights p = softmax(s), thinned weights a = p · mask, out = a v.
//
// Products by the library, some queries at a time; softmax in float64.

extension Interpreter {
  /// Some queries of one head of one sequence, with the columns of what they read and write.
  private struct Part {
    /// The query's and the sequence's first row.
    var row: Int
    var firstRow: Int
    /// Position of the first query in its sequence.
    var position: Int
    var queryCount: Int
    /// Keys that any of them sees.
    var keyCount: Int
    var query: Int
    var key: Int
    var value: Int
    var out: Int
    /// The first query's first weight among all of the batch.
    var element: UInt64
  }

  private func forEachPart(
    _ a: Program.AttentionOperation, _ body: (Part) throws -> Void
  ) throws {
    let length = batch.sequenceLength
    let chunk = min(max(1, queriesAtOnce), length)
    for sequence in 0..<batch.sequenceCount {
      for head in 0..<a.headCount {
        let keyHead = head * a.keyValueHeadCount / a.headCount
        for first in stride(from: 0, to: length, by: chunk) {
          let end = min(first + chunk, length)
          let row = (sequence * a.headCount + head) * length + first
          try body(
            Part(
              row: sequence * length + first, firstRow: sequence * length, position: first,
              queryCount: end - first, keyCount: a.causal ? end : length,
              query: a.query.offset + head * a.headSize,
              key: a.key.offset + keyHead * a.headSize,
              value: a.value.offset + keyHead * a.headSize, out: head * a.headSize,
              element: UInt64(row) * UInt64(length)))
        }
      }
    }
  }

  /// Room for the weights of one part.
  private func weights() -> Activations<Scalar> {
    let length = batch.sequenceLength
    return Activations(rows: min(max(1, queriesAtOnce), length), columns: length)
  }

  func attend(_ a: Program.AttentionOperation, into y: Activations<Scalar>) throws {
    let weights = weights()
    let value = try value(a.value.value)
    try forEachPart(a) { part in
      try weigh(a, part, into: weights)
      drop(a, part, weights)
      try Scalar.multiply(
        operand(weights), operand(value, part.firstRow, part.value),
        into: y.row(part.row) + part.out, stride: y.columnCount, rows: part.queryCount,
        columns: a.headSize, depth: part.keyCount, accumulates: false, arithmetic)
    }
  }

  /// da = dout·v, dp = da · mask, ds = p · (dp − Σ p dp); dv += Σ a dout, dq += scale Σ ds k,
  /// dk += scale Σ ds q.
  func attendBackward(
    _ a: Program.AttentionOperation, _ dy: Activations<Scalar>, into dquery: Activations<Scalar>,
    key dkey: Activations<Scalar>, value dvalue: Activations<Scalar>
  ) throws {
    let (p, slopes, thinned) = (weights(), weights(), weights())
    let (query, key) = (try value(a.query.value), try value(a.key.value))
    let value = try value(a.value.value)
    let size = a.headSize
    try forEachPart(a) { part in
      func sum(
        _ left: Scalar.Operand, _ right: Scalar.Operand, into c: Activations<Scalar>, row: Int,
        column: Int, rows: Int, depth: Int
      ) throws {
        try Scalar.multiply(
          left, right, into: c.row(row) + column, stride: c.columnCount, rows: rows,
          columns: size, depth: depth, accumulates: true, arithmetic)
      }
      let dout = operand(dy, part.row, part.out)
      try weigh(a, part, into: p)
      try Scalar.multiply(
        dout, operand(value, part.firstRow, part.value, isTransposed: true), into: slopes.base,
        stride: slopes.columnCount, rows: part.queryCount, columns: part.keyCount, depth: size,
        accumulates: false, arithmetic)
      thinned.copy(p)
      drop(a, part, thinned)
      drop(a, part, slopes)
      try sum(
        operand(thinned, isTransposed: true), dout, into: dvalue, row: part.firstRow,
        column: part.value,
        rows: part.keyCount, depth: part.queryCount)
      differentiate(a, part: part, probabilities: p, slopes: slopes)
      try sum(
        operand(slopes), operand(key, part.firstRow, part.key), into: dquery, row: part.row,
        column: part.query, rows: part.queryCount, depth: part.keyCount)
      try sum(
        operand(slopes, isTransposed: true), operand(query, part.row, part.query), into: dkey,
        row: part.firstRow, column: part.key, rows: part.keyCount, depth: part.queryCount)
    }
  }

  /// The weights p; zero for keys that a query does not see.
  private func weigh(
    _ a: Program.AttentionOperation, _ part: Part, into weights: Activations<Scalar>
  ) throws {
    let (query, key) = (try value(a.query.value), try value(a.key.value))
    try Scalar.multiply(
      operand(query, part.row, part.query),
      operand(key, part.firstRow, part.key, isTransposed: true), into: weights.base,
      stride: weights.columnCount, rows: part.queryCount, columns: part.keyCount,
      depth: a.headSize, accumulates: false, arithmetic)
    forEachQuery(a, part: part, weights: weights) { row, seen in
      for index in seen { row[index] *= a.scale }
      softmax(row, seen)
      for index in 0..<seen.lowerBound { row[index] = 0 }
      for index in seen.upperBound..<part.keyCount { row[index] = 0 }
    }
  }

  /// Makes ds · scale of dp.
  private func differentiate(
    _ a: Program.AttentionOperation, part: Part, probabilities p: Activations<Scalar>,
    slopes: Activations<Scalar>
  ) {
    for query in 0..<part.queryCount {
      let seen = seen(a, part, query)
      Scalar.withDoubles(reading: p.row(query), part.keyCount) { p in
        Scalar.withDoubles(slopes.row(query), part.keyCount) { slopes in
          var mean = 0.0
          for key in seen { mean += p[key] * slopes[key] }
          for key in 0..<part.keyCount {
            slopes[key] = seen.contains(key) ? a.scale * p[key] * (slopes[key] - mean) : 0
          }
        }
      }
    }
  }

  /// Calls `body` with each query's weights and the keys that it sees, on all threads.
  private func forEachQuery(
    _ a: Program.AttentionOperation, part: Part, weights: Activations<Scalar>,
    _ body: (UnsafeMutablePointer<Double>, Range<Int>) -> Void
  ) {
    arithmetic.split(part.queryCount, cost: 30 * part.keyCount) { queries in
      for query in queries {
        Scalar.withDoubles(weights.row(query), part.keyCount) { body($0, seen(a, part, query)) }
      }
    }
  }

  private func seen(_ a: Program.AttentionOperation, _ part: Part, _ query: Int) -> Range<Int> {
    let end = a.causal ? part.position + query + 1 : part.keyCount
    return (a.window.map { max(0, end - $0) } ?? 0)..<end
  }

  private func drop(
    _ a: Program.AttentionOperation, _ part: Part, _ weights: Activations<Scalar>
  ) {
    drop(weights, part.keyCount, rate: a.dropout, stream: a.dropoutStream) {
      part.element + UInt64($0) * UInt64(batch.sequenceLength)
    }
  }

  private func operand(
    _ x: Activations<Scalar>, _ row: Int = 0, _ column: Int = 0, isTransposed: Bool = false
  ) -> Scalar.Operand {
    Scalar.Operand(x.row(row) + column, stride: x.columnCount, isTransposed: isTransposed)
  }
}
