// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import LinearAlgebra

extension LayerwisePass {
  /// Scaled dot-product attention of each sequence and head: products by the library, softmax in
  /// float64.
  func attend(_ operation: Program.AttentionOperation, into result: Activations<Scalar>) throws {
    let length = batch.sequenceLength
    let chunk = min(queriesAtOnce, length)
    let scores = Activations<Scalar>(rows: chunk, columns: length)
    for sequence in 0..<batch.sequenceCount {
      for head in 0..<operation.headCount {
        for first in stride(from: 0, to: length, by: chunk) {
          try attend(
            operation, sequence * length, head, first..<min(first + chunk, length), scores, result)
        }
      }
    }
  }

  /// Some queries of one head of one sequence.
  private func attend(
    _ operation: Program.AttentionOperation, _ firstRow: Int, _ head: Int, _ queries: Range<Int>,
    _ scores: Activations<Scalar>, _ result: Activations<Scalar>
  ) throws {
    let size = operation.headSize
    let keyHead = head * operation.keyValueHeadCount / operation.headCount
    let query = try operand(operation.query, row: firstRow + queries.lowerBound, head * size)
    let key = try operand(operation.key, row: firstRow, keyHead * size, isTransposed: true)
    let value = try operand(operation.value, row: firstRow, keyHead * size)
    let keyCount = operation.causal ? queries.upperBound : batch.sequenceLength
    let stride = scores.columnCount
    try Scalar.multiply(
      query, key, into: scores.base, stride: stride, rows: queries.count, columns: keyCount,
      depth: size, accumulates: false, arithmetic)
    arithmetic.split(queries.count, cost: 30 * keyCount) { rows in
      for row in rows {
        let end = operation.causal ? queries.lowerBound + row + 1 : keyCount
        let start = operation.window.map { max(0, end - $0) } ?? 0
        weigh(scores.row(row), start..<end, of: keyCount, scale: operation.scale)
      }
    }
    try Scalar.multiply(
      .init(scores.base, stride: stride), value,
      into: result.row(firstRow + queries.lowerBound) + head * size, stride: result.columnCount,
      rows: queries.count, columns: size, depth: keyCount, accumulates: false, arithmetic)
  }

  private func operand(
    _ slice: Program.Slice, row: Int, _ column: Int, isTransposed: Bool = false
  ) throws -> Scalar.Operand {
    let value = try value(slice.value)
    return .init(
      value.row(row) + slice.offset + column, stride: value.columnCount,
      isTransposed: isTransposed)
  }

  /// The softmax over the scores of the keys that a query sees; zero for all others.
  private func weigh(
    _ scores: UnsafeMutablePointer<Scalar>, _ seen: Range<Int>, of keyCount: Int, scale: Double
  ) {
    var largest = -Double.infinity
    for key in seen { largest = max(largest, scale * Double(scores[key])) }
    var sum = 0.0
    for key in seen { sum += exp(scale * Double(scores[key]) - largest) }
    for key in 0..<keyCount {
      scores[key] =
        seen.contains(key) ? Scalar(exp(scale * Double(scores[key]) - largest) / sum) : 0
    }
  }

  /// Turns pairs of components of each head of the slice by the row's position, all other columns
  /// being copied.
  func turn(
    _ embedding: RotaryEmbedding, _ slice: Program.Slice, _ headSize: Int,
    into result: Activations<Scalar>
  ) throws {
    copy(try value(slice.value), from: 0, into: result)
    let frequencies = embedding.frequencies(headSize: headSize)
    let (pairs, length) = (frequencies.count, batch.sequenceLength)
    let angles = (0..<length).flatMap { position in frequencies.map { Double(position) * $0 } }
    let (cosines, sines) = (angles.map { cos($0) }, angles.map { sin($0) })
    for row in 0..<result.rowCount {
      let first = row % length * pairs
      for head in stride(from: slice.offset, to: slice.offset + slice.width, by: headSize) {
        let x = result.row(row) + head
        for pair in 0..<pairs {
          let (cosine, sine) = (cosines[first + pair], sines[first + pair])
          let (a, b) = (Double(x[pair]), Double(x[pair + pairs]))
          x[pair] = Scalar(a * cosine - b * sine)
          x[pair + pairs] = Scalar(b * cosine + a * sine)
        }
      }
    }
  }
}
