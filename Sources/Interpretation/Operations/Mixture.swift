// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

// A feed-forward of experts: y = Σ p(e) · down(f(gate(x)) ⊙ up(x)) over the experts of highest router
// logits, p being the softmax over those logits.
//
// The router is computed in float64: two models choose otherwise only where logits are as good as equal.

extension Interpreter {
  func mix(
    _ mixture: Program.MixtureOperation, _ x: Activations<Scalar>, into y: Activations<Scalar>
  ) throws {
    let shares = try shares(mixture, x)
    for (index, expert) in mixture.experts.enumerated() {
      let rows = shares.indices.filter { shares[$0][index] != nil }
      if rows.isEmpty {
        for weight in [expert.gate, expert.up, expert.down] { try skip(weight) }
        continue
      }
      let output = try answer(of: expert, mixture, x.gathered(rows)).output
      for (place, row) in rows.enumerated() {
        let share = Double(Scalar(shares[row][index] ?? 0))
        Scalar.withDoubles(output.row(place), y.columnCount) { output in
          for column in 0..<y.columnCount { output[column] *= share }
        }
        Scalar.add(output.row(place), to: y.row(row), y.columnCount)
      }
    }
  }

  /// The derivatives by the input and by all weights.
  ///
  /// That by an expert is its share's; that by the logits goes through the softmax of those chosen.
  /// Which are chosen has no derivative.
  func mixBackward(
    _ mixture: Program.MixtureOperation, _ x: Activations<Scalar>, _ dy: Activations<Scalar>,
    into dx: Activations<Scalar>
  ) throws {
    let shares = try shares(mixture, x)
    var dshares = shares
    for (index, expert) in mixture.experts.enumerated() {
      let rows = shares.indices.filter { shares[$0][index] != nil }
      if rows.isEmpty { continue }
      let (inputs, gradients) = (x.gathered(rows), dy.gathered(rows))
      let answer = try answer(of: expert, mixture, inputs)
      for (place, row) in rows.enumerated() {
        let share = shares[row][index] ?? 0
        var dshare = 0.0
        Scalar.withDoubles(reading: answer.output.row(place), dy.columnCount) { output in
          Scalar.withDoubles(gradients.row(place), dy.columnCount) { dy in
            for column in 0..<x.columnCount {
              dshare += dy[column] * output[column]
              dy[column] *= share
            }
          }
        }
        dshares[row][index] = dshare
      }
      let dinputs = Activations<Scalar>(rows: rows.count, columns: x.columnCount)
      try answerBackward(
        of: expert, in: mixture, input: inputs, answer: answer, gradient: gradients, into: dinputs)
      for (place, row) in rows.enumerated() {
        Scalar.add(dinputs.row(place), to: dx.row(row), dx.columnCount)
      }
    }
    let dlogits = Activations<Scalar>(rows: x.rowCount, columns: mixture.experts.count)
    for (row, chosen) in shares.enumerated() {
      let mean = chosen.reduce(0) { $0 + $1.value * (dshares[row][$1.key] ?? 0) }
      for (expert, share) in chosen {
        dlogits.row(row)[expert] = Scalar(share * ((dshares[row][expert] ?? 0) - mean))
      }
    }
    try linearBackward(LinearMap(mixture.router, mixture.layout), x, dlogits, into: dx)
  }

  /// The chosen experts of each row with their shares.
  package func shares(
    _ mixture: Program.MixtureOperation, _ x: Activations<Scalar>
  ) throws -> [[Int: Double]] {
    let (inputs, count) = (x.columnCount, mixture.experts.count)
    let weights = try vector(mixture.router)
    let (expertStride, inputStride) =
      mixture.layout == .outputInput ? (inputs, 1) : (1, count)
    return (0..<x.rowCount).map { row in
      var logits = [Double](repeating: 0, count: count)
      Scalar.withDoubles(reading: x.row(row), inputs) { x in
        for expert in 0..<count {
          for input in 0..<inputs {
            logits[expert] += x[input] * weights[expert * expertStride + input * inputStride]
          }
        }
      }
      let chosen = Program.MixtureOperation.choice(of: mixture.perToken, among: logits)
      var shares = chosen.map { logits[$0] }
      shares.withUnsafeMutableBufferPointer { shares in
        guard let base = shares.baseAddress else { return }
        softmax(base, 0..<shares.count)
      }
      return Dictionary(uniqueKeysWithValues: zip(chosen, shares))
    }
  }

  /// What one expert makes of some rows, and what it needs to know on the way back.
  private struct Answer {
    var gate: Activations<Scalar>
    var active: Activations<Scalar>
    var up: Activations<Scalar>
    var inner: Activations<Scalar>
    var output: Activations<Scalar>

    init(rows: Int, inner width: Int, residual: Int) {
      gate = Activations(rows: rows, columns: width)
      active = Activations(rows: rows, columns: width)
      up = Activations(rows: rows, columns: width)
      inner = Activations(rows: rows, columns: width)
      output = Activations(rows: rows, columns: residual)
    }
  }

  private func answer(
    of expert: Program.MixtureOperation.Expert, _ mixture: Program.MixtureOperation,
    _ x: Activations<Scalar>
  ) throws -> Answer {
    let answer = Answer(rows: x.rowCount, inner: mixture.innerWidth, residual: x.columnCount)
    try linear(LinearMap(expert.gate, mixture.layout), x, into: answer.gate)
    try linear(LinearMap(expert.up, mixture.layout), x, into: answer.up)
    activate(mixture.activation, answer.gate, into: answer.active)
    multiply(answer.active, answer.up, into: answer.inner)
    try linear(LinearMap(expert.down, mixture.layout), answer.inner, into: answer.output)
    return answer
  }

  private func answerBackward(
    of expert: Program.MixtureOperation.Expert, in mixture: Program.MixtureOperation,
    input x: Activations<Scalar>, answer: Answer, gradient dy: Activations<Scalar>,
    into dx: Activations<Scalar>
  ) throws {
    func inner() -> Activations<Scalar> {
      Activations(rows: x.rowCount, columns: mixture.innerWidth)
    }
    let (dinner, dactive, dgate, dup) = (inner(), inner(), inner(), inner())
    try linearBackward(LinearMap(expert.down, mixture.layout), answer.inner, dy, into: dinner)
    multiplyBackward(answer.up, dinner, into: dactive)
    multiplyBackward(answer.active, dinner, into: dup)
    activateBackward(mixture.activation, answer.gate, dactive, into: dgate)
    try linearBackward(LinearMap(expert.gate, mixture.layout), x, dgate, into: dx)
    try linearBackward(LinearMap(expert.up, mixture.layout), x, dup, into: dx)
  }
}
