// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

// A feed-forward of experts: y = Σ share(e) · down(f(gate(x)) ⊙ up(x)) over the experts of highest router
// logits, the shares being the softmax over those logits.
//
// The rows that an expert takes are gathered, so each expert's maps are products over its own rows alone.
//
// Legend: E experts, k of them for a row, P places (R · k and a few more), F width inside an expert.

extension Lowering {
  /// Where an expert's rows are, and what its maps make of them.
  private struct Mixing {
    var choice: Matrix
    var shares: Matrix
    var places: Matrix
    var rows: Matrix
    var weights: Matrix
    var starts: Matrix
    /// [P, D], [P, 2 F], [P, F] and, in float32, [P, D].
    var grouped: Matrix
    var gateUp: Matrix
    var inner: Matrix
    var answers: Matrix

    /// The halves of `gateUp`.
    var gate: Matrix { gateUp.slice(0, inner.columns) }
    var up: Matrix { gateUp.slice(inner.columns, inner.columns) }
    /// What tells places and rows from each other.
    var routing: [Matrix] { [choice, shares, places, rows, weights, starts] }
    var kept: [Matrix] { routing + [grouped, gateUp, inner, answers] }

    init(_ kept: [Matrix]) {
      (choice, shares, places) = (kept[0], kept[1], kept[2])
      (rows, weights, starts) = (kept[3], kept[4], kept[5])
      (grouped, gateUp, inner, answers) = (kept[6], kept[7], kept[8], kept[9])
    }
  }

  mutating func mixtureForward(_ index: Int, _ mixture: Program.MixtureOperation) throws {
    let (x, mixing) = (contiguous(value(mixture.input)), try makeMixing(mixture))
    kept[index] = mixing.kept
    try emitRouting(mixture, x, mixing)

    let source = operand(mixture.input)
    let (team, width) = (team, source.type.byteWidth)
    emit("gather rows", uses: [source, mixing.rows, mixing.starts, mixing.grouped]) { run in
      team.split(run.placeCount(mixing.starts)) { range, _ in
        ck_gather_rows(
          run.pointer(source), source.stride * width, run.integers(mixing.rows),
          run.pointer(mixing.grouped), source.columns * width, range.lowerBound, range.upperBound)
      }
    }
    for map in gateAndUp(mixture) {
      emitProducts(
        map, .forward, of: mixture, starts: mixing.starts, from: mixing.grouped, to: mixing.gateUp)
    }
    emitGated(
      mixture.activation, gate: mixing.gate, up: mixing.up, output: mixing.inner,
      counted: mixing.starts
    ) { $0.placeCount(mixing.starts) }
    emitProducts(
      down(mixture), .forward, of: mixture, starts: mixing.starts, from: mixing.inner,
      to: mixing.answers)

    let (out, rows, count) = (makeValue(mixture.output), rowCount, mixture.perToken)
    emit("combine rows", uses: [mixing.answers, mixing.places, mixing.shares, out]) { run in
      team.split(rows) { range, _ in
        ck_combine_rows(
          run.floats(mixing.answers), run.integers(mixing.places), run.floats(mixing.shares), count,
          run.floats(out), 0, out.columns, range.lowerBound, range.upperBound)
      }
    }
  }

  private mutating func makeMixing(_ mixture: Program.MixtureOperation) throws -> Mixing {
    let (width, inner) = (program.widths[mixture.input], mixture.innerWidth)
    let chosen = rowCount.multipliedReportingOverflow(by: mixture.perToken)
    guard !chosen.overflow, chosen.partialValue < Int(Int32.max) / 2 else {
      throw CPUEngineError(
        .invalidBatch,
        "\(rowCount) tokens with \(mixture.perToken) experts each are more than can be counted; use "
          + "fewer or shorter sequences", subject: "batch")
    }
    let places = placeCount(mixture)
    let experts = mixture.experts.count
    // Whole numbers of 32 bits lie where float32 would.
    return Mixing([
      makeMatrix(mixture.perToken, .float32), makeMatrix(mixture.perToken, .float32),
      makeMatrix(mixture.perToken, .float32), makeMatrix(1, .float32, rows: places),
      makeMatrix(1, .float32, rows: places), makeMatrix(experts + 1, .float32, rows: 1),
      makeMatrix(width, operandType, rows: places),
      makeMatrix(2 * inner, operandType, rows: places),
      makeMatrix(inner, operandType, rows: places), makeMatrix(width, .float32, rows: places),
    ])
  }

  /// The most places that the rows can come to, as `ck_rounded_rows` rounds them.
  private func placeCount(_ mixture: Program.MixtureOperation) -> Int {
    rowCount * mixture.perToken + rowCount * mixture.perToken / 16
  }

  /// The router's logits in float32 whatever the precision, so that what is chosen does not hang on a
  /// rounding; then who takes which row.
  private mutating func emitRouting(
    _ mixture: Program.MixtureOperation, _ x: Matrix, _ mixing: Mixing
  ) throws {
    let experts = mixture.experts.count
    let logits = makeMatrix(experts, .float32)
    let product = MatrixProduct(
      rows: rowCount, columns: experts, depth: x.columns, a: x.operand(),
      b: router(mixture, asInputOutput: true), c: logits.operand())
    let prepared = try library.prepare(product, accumulates: false)
    let (store, team, rows, count) = (store, team, rowCount, mixture.perToken)
    emit("router product", uses: [x, logits], work: product.work) { run in
      try prepared.run(
        run.pointer(x), store.value(mixture.router), run.pointer(logits), bias: nil)
    }
    emit("route", uses: [logits] + mixing.routing) { run in
      let (choice, shares) = (run.integers(mixing.choice), run.floats(mixing.shares))
      team.split(rows) { range, _ in
        ck_choose_experts(
          run.floats(logits), experts, count, choice, shares, range.lowerBound, range.upperBound)
      }
      ck_place_rows(
        choice, shares, rows, count, experts, run.integers(mixing.starts),
        run.integers(mixing.places), run.integers(mixing.rows), run.floats(mixing.weights))
    }
  }

  // MARK: Backward

  mutating func mixtureBackward(_ index: Int, _ mixture: Program.MixtureOperation) throws {
    guard let kept = kept[index] else { return }
    let (mixing, dout) = (Mixing(kept), contiguous(gradient(mixture.output)))
    try emitRouterBackward(mixture, mixing, dout)

    let (width, inner, starts) = (mixing.grouped.columns, mixture.innerWidth, mixing.starts)
    let count = placeCount(mixture)
    let danswers = makeMatrix(width, operandType, rows: count)
    emitWeighing(mixing, dout, danswers)
    let dinner = makeMatrix(inner, operandType, rows: count)
    let down = down(mixture)
    emitWeightGradients(down, of: mixture, starts: starts, x: mixing.inner, dy: danswers)
    emitProducts(down, .backward, of: mixture, starts: starts, from: danswers, to: dinner)

    let dgateUp = makeMatrix(2 * inner, operandType, rows: count)
    emitGatedBackward(
      mixture.activation, gate: mixing.gate, up: mixing.up, dout: dinner,
      dgate: dgateUp.slice(0, inner), dup: dgateUp.slice(inner, inner), counted: starts
    ) { $0.placeCount(starts) }
    let dgrouped = makeMatrix(width, .float32, rows: count)
    for (number, map) in gateAndUp(mixture).enumerated() {
      emitWeightGradients(map, of: mixture, starts: starts, x: mixing.grouped, dy: dgateUp)
      emitProducts(
        map, .backward, of: mixture, starts: starts, from: dgateUp, to: dgrouped,
        accumulates: number > 0)
    }
    // The router's product has begun the gradient.
    let dx = gradient(mixture.input)
    let (team, rows, perToken) = (team, rowCount, mixture.perToken)
    emit("combine rows", uses: [dgrouped, mixing.places, dx]) { run in
      team.split(rows) { range, _ in
        ck_combine_rows(
          run.floats(dgrouped), run.integers(mixing.places), nil, perToken, run.floats(dx), 1,
          dx.columns, range.lowerBound, range.upperBound)
      }
    }
  }

  private mutating func emitRouterBackward(
    _ mixture: Program.MixtureOperation, _ mixing: Mixing, _ dout: Matrix
  ) throws {
    let (x, experts) = (contiguous(value(mixture.input)), mixture.experts.count)
    let dlogits = makeMatrix(experts, .float32)
    let (store, team, rows, count) = (store, team, rowCount, mixture.perToken)
    emit(
      "route backward",
      uses: [dout, mixing.answers, mixing.places, mixing.choice, mixing.shares, dlogits]
    ) { run in
      team.split(rows) { range, _ in
        ck_route_backward(
          run.floats(dout), run.floats(mixing.answers), run.integers(mixing.places),
          run.integers(mixing.choice), run.floats(mixing.shares), count, run.floats(dlogits),
          experts, dout.columns, range.lowerBound, range.upperBound)
      }
    }
    try emitWeightGradient(
      "router product dW", of: mixture.router, mixture.layout, x: x, dy: dlogits)
    let (dx, accumulates) = contribution(to: mixture.input)
    let product = MatrixProduct(
      rows: rowCount, columns: dx.columns, depth: experts, a: dlogits.operand(),
      b: router(mixture, asInputOutput: false), c: dx.operand())
    let back = try library.prepare(product, accumulates: accumulates)
    emit("router product dx", uses: [dlogits, dx], work: product.work) { run in
      try back.run(
        run.pointer(dlogits), store.value(mixture.router), run.pointer(dx), bias: nil)
    }
  }

  /// Each place's gradient: its row's by its share.
  private mutating func emitWeighing(_ mixing: Mixing, _ dout: Matrix, _ danswers: Matrix) {
    let team = team
    emit(
      "gather rows", uses: [dout, mixing.rows, mixing.weights, mixing.starts, danswers]
    ) { run in
      team.split(run.placeCount(mixing.starts)) { range, _ in
        let (rows, weights) = (run.integers(mixing.rows), run.floats(mixing.weights))
        if danswers.type == .float32 {
          ck_weigh_rows_f32(
            run.floats(dout), rows, weights, run.floats(danswers), dout.columns, range.lowerBound,
            range.upperBound)
        } else {
          ck_weigh_rows_bf16(
            run.floats(dout), rows, weights, run.halves(danswers), dout.columns, range.lowerBound,
            range.upperBound)
        }
      }
    }
  }

  private func router(
    _ mixture: Program.MixtureOperation, asInputOutput: Bool
  ) -> MatrixProduct.Operand {
    mixture.layout.operand(
      .float32, inputs: program.widths[mixture.input], outputs: mixture.experts.count,
      asInputOutput: asInputOutput)
  }
}
