// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra
import ReferenceEngine

extension LayerwisePass {
  /// result[R, N] += x[R, K] · W, W read in blocks of rows: of outputs, or of the inputs' summands.
  func multiply(
    _ x: Activations<Scalar>, by weight: Program.Parameter, _ layout: Program.WeightLayout,
    into result: Activations<Scalar>
  ) throws {
    let (inputs, outputs) = (x.columnCount, result.columnCount)
    let isTransposed = layout == .outputInput
    let (rows, length) = isTransposed ? (outputs, inputs) : (inputs, outputs)
    try forEachBlock(of: weight, rows: rows, length: length) { block, range in
      let b = Scalar.Operand(block, stride: length, isTransposed: isTransposed)
      let first = isTransposed ? 0 : range.lowerBound
      try Scalar.multiply(
        .init(x.base + first, stride: inputs), b,
        into: result.base + (isTransposed ? range.lowerBound : 0), stride: outputs,
        rows: x.rowCount, columns: isTransposed ? range.count : outputs,
        depth: isTransposed ? inputs : range.count, accumulates: !isTransposed,
        arithmetic)
    }
  }

  /// Scaled logits of some of the vocabulary's tokens, [R, tokens].
  func logits(of tokens: Range<Int>) throws -> Activations<Scalar> {
    let result = Activations<Scalar>(rows: rowCount, columns: tokens.count)
    guard case .head(let input, let weight, let scale) = program.operations.last else {
      throw VerificationError(.mismatch, "has no head", subject: "program")
    }
    let x = try value(input)
    let length = x.columnCount
    for range in blocks(rows: tokens.count, length: length) {
      let rows = tokens.lowerBound + range.lowerBound..<tokens.lowerBound + range.upperBound
      let block = try read(weight, rows, length: length)
      try Scalar.multiply(
        .init(x.base, stride: length), .init(block, stride: length, isTransposed: true),
        into: result.base + range.lowerBound, stride: tokens.count, rows: rowCount,
        columns: range.count, depth: length, accumulates: false, arithmetic)
    }
    let factor = Scalar(scale)
    if factor != 1 { for index in 0..<result.count { result.base[index] *= factor } }
    return result
  }

  /// Of each row the experts with the highest router logits, weighted by the softmax over those.
  ///
  /// The router is computed in float64: two models choose otherwise only where logits are as good as
  /// equal.
  func mix(_ mixture: Program.MixtureOperation, into result: Activations<Scalar>) throws {
    let x = try value(mixture.input)
    let shares = try shares(mixture, x)
    for (index, expert) in mixture.experts.enumerated() {
      let rows = shares.indices.filter { shares[$0][index] != nil }
      if rows.isEmpty {
        let weights = [expert.gate, expert.up, expert.down]
        try didRead(weights.reduce(0) { $0 + program.parameters[$1].shape.elementCount })
        continue
      }
      let answer = try answer(of: expert, mixture, gathered(x, rows))
      for (place, row) in rows.enumerated() {
        let share = Scalar(shares[row][index] ?? 0)
        let (from, to) = (answer.row(place), result.row(row))
        for column in 0..<result.columnCount { to[column] += share * from[column] }
      }
    }
  }

  private func answer(
    of expert: Program.MixtureOperation.Expert, _ mixture: Program.MixtureOperation,
    _ x: Activations<Scalar>
  ) throws -> Activations<Scalar> {
    let width = mixture.innerWidth
    func inner() -> Activations<Scalar> { Activations<Scalar>(rows: x.rowCount, columns: width) }
    let (gate, up, active) = (inner(), inner(), inner())
    try multiply(x, by: expert.gate, mixture.layout, into: gate)
    try multiply(x, by: expert.up, mixture.layout, into: up)
    activate(mixture.activation, gate, into: active)
    combine(active, up, into: gate) { $0 * $1 }
    let result = Activations<Scalar>(rows: x.rowCount, columns: x.columnCount)
    try multiply(gate, by: expert.down, mixture.layout, into: result)
    return result
  }

  private func gathered(_ x: Activations<Scalar>, _ rows: [Int]) -> Activations<Scalar> {
    let result = Activations<Scalar>(rows: rows.count, columns: x.columnCount)
    for (place, row) in rows.enumerated() {
      result.row(place).update(from: x.row(row), count: x.columnCount)
    }
    return result
  }

  /// The chosen experts of each row with their shares.
  private func shares(
    _ mixture: Program.MixtureOperation, _ x: Activations<Scalar>
  ) throws -> [[Int: Double]] {
    let (inputs, experts) = (x.columnCount, mixture.experts.count)
    let weights = try parameters.vector(mixture.router, arithmetic)
    try didRead(weights.count)
    let (expertStride, inputStride) =
      mixture.layout == .outputInput ? (inputs, 1) : (1, experts)
    return (0..<x.rowCount).map { row in
      let logits = (0..<experts).map { expert in
        (0..<inputs).reduce(0.0) { sum, input in
          sum + Double(x.row(row)[input])
            * Double(weights[expert * expertStride + input * inputStride])
        }
      }
      let chosen = Program.MixtureOperation.choice(of: mixture.perToken, among: logits)
      let powers = softmax(chosen.map { logits[$0] })
      return Dictionary(uniqueKeysWithValues: zip(chosen, powers))
    }
  }

  /// Calls `body` with block after block of a parameter's rows; the next is announced meanwhile.
  private func forEachBlock(
    of parameter: Program.Parameter, rows: Int, length: Int,
    _ body: (UnsafePointer<Scalar>, Range<Int>) throws -> Void
  ) throws {
    let ranges = blocks(rows: rows, length: length)
    for (index, range) in ranges.enumerated() {
      let block = try read(parameter, range, length: length)
      if index + 1 < ranges.count {
        let following = ranges[index + 1]
        try parameters.announce(
          parameter, following.lowerBound * length..<following.upperBound * length)
      }
      try body(block, range)
    }
  }

  private func read(
    _ parameter: Program.Parameter, _ rows: Range<Int>, length: Int
  ) throws -> UnsafePointer<Scalar> {
    let room = block.room(for: rows.count * length)
    try parameters.read(
      parameter, rows.lowerBound * length..<rows.upperBound * length, into: room, arithmetic)
    try didRead(rows.count * length)
    return UnsafePointer(room)
  }
}
