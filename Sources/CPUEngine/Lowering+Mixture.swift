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

    /// What tells places and rows from each other.
    var routing: [Matrix] { [choice, shares, places, rows, weights, starts] }
    var kept: [Matrix] { routing + [grouped, gateUp, inner, answers] }

    init(_ kept: [Matrix]) {
      (choice, shares, places) = (kept[0], kept[1], kept[2])
      (rows, weights, starts) = (kept[3], kept[4], kept[5])
      (grouped, gateUp, inner, answers) = (kept[6], kept[7], kept[8], kept[9])
    }
  }

  /// One of an expert's maps, or gate and up as one; the weights of one product lie together.
  private struct ExpertMap {
    var weights: [Program.Parameter]
    /// The first column of the wider matrix that this map reads or writes.
    var offset = 0
    var inputs: Int
    var outputs: Int
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
      emitForward(map, of: mixture, mixing, from: mixing.grouped, to: mixing.gateUp)
    }
    emitGatedPlaces(mixture, mixing)
    let down = down(mixture)
    emitForward(down, of: mixture, mixing, from: mixing.inner, to: mixing.answers)

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
    let places = chosen.partialValue + chosen.partialValue / 16
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

  /// The router's logits in float32 whatever the precision, so that what is chosen does not hang on a
  /// rounding; then who takes which row.
  private mutating func emitRouting(
    _ mixture: Program.MixtureOperation, _ x: Matrix, _ mixing: Mixing
  ) throws {
    let experts = mixture.experts.count
    let logits = makeMatrix(experts, .float32)
    let prepared = try library.prepare(
      MatrixProduct(
        rows: rowCount, columns: experts, depth: x.columns, a: x.operand(),
        b: router(mixture, asInputOutput: true), c: logits.operand()), accumulates: false)
    let (store, team, rows, count) = (store, team, rowCount, mixture.perToken)
    emit("router product", uses: [x, logits]) { run in
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

  private mutating func emitForward(
    _ map: [ExpertMap], of mixture: Program.MixtureOperation, _ mixing: Mixing, from x: Matrix,
    to y: Matrix
  ) {
    guard let first = map.first else { return }
    let (store, starts) = (store, mixing.starts)
    let weight = weight(first, mixture, asInputOutput: true)
    let product = ExpertProduct(library) { rows in
      MatrixProduct(
        rows: rows, columns: first.outputs, depth: first.inputs, a: x.operand(), b: weight,
        c: y.operand())
    }
    emit("expert product forward", uses: [x, y, starts]) { run in
      try run.forEachExpert(starts, map) { rows, first, map in
        try product.run(
          rows: rows, run.address(x, row: first), store.operand(map.weights[0]),
          run.address(y, row: first, column: map.offset))
      }
    }
  }

  private mutating func emitGatedPlaces(_ mixture: Program.MixtureOperation, _ mixing: Mixing) {
    let (team, kind, width) = (team, mixture.activation.kernel, mixture.innerWidth)
    let (both, out) = (mixing.gateUp, mixing.inner)
    emit("activation forward", uses: [both, out, mixing.starts]) { run in
      team.split(run.placeCount(mixing.starts)) { range, _ in
        if both.type == .float32 {
          let gate = run.floats(both)
          ck_gated_forward_f32(
            kind, gate, gate + width, both.stride, run.floats(out), out.stride, width,
            range.lowerBound, range.upperBound)
        } else {
          let gate = run.halves(both)
          ck_gated_forward_bf16(
            kind, gate, gate + width, both.stride, run.halves(out), out.stride, width,
            range.lowerBound, range.upperBound)
        }
      }
    }
  }

  // MARK: Backward

  mutating func mixtureBackward(_ index: Int, _ mixture: Program.MixtureOperation) throws {
    guard let kept = kept[index] else { return }
    let (mixing, dout) = (Mixing(kept), contiguous(gradient(mixture.output)))
    try emitRouterBackward(mixture, mixing, dout)

    let (width, inner) = (mixing.grouped.columns, mixture.innerWidth)
    let count = rowCount * mixture.perToken + rowCount * mixture.perToken / 16
    let danswers = makeMatrix(width, operandType, rows: count)
    emitWeighing(mixing, dout, danswers)
    let dinner = makeMatrix(inner, operandType, rows: count)
    let down = down(mixture)
    emitWeightGradient(down, of: mixture, mixing, x: mixing.inner, dy: danswers)
    emitInputGradient(
      down, of: mixture, mixing, dy: danswers, dx: dinner, accumulates: false)

    let dgateUp = makeMatrix(2 * inner, operandType, rows: count)
    emitGatedPlacesBackward(mixture, mixing, dout: dinner, dboth: dgateUp)
    let dgrouped = makeMatrix(width, .float32, rows: count)
    for (number, map) in gateAndUp(mixture).enumerated() {
      emitWeightGradient(map, of: mixture, mixing, x: mixing.grouped, dy: dgateUp)
      emitInputGradient(
        map, of: mixture, mixing, dy: dgateUp, dx: dgrouped, accumulates: number > 0)
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
    let overwrites = !touch(mixture.router)
    let isInputOutput = mixture.layout == .inputOutput
    let (left, right) = isInputOutput ? (x, dlogits) : (dlogits, x)
    let product = MatrixProduct(
      rows: left.columns, columns: right.columns, depth: rowCount,
      a: left.operand(transposed: true), b: right.operand(),
      c: .init(type: .float32, stride: right.columns))
    let fresh = try library.prepare(product, accumulates: false)
    let adding = try library.prepare(product, accumulates: true)
    emit("router product dW", uses: [x, dlogits]) { run in
      let prepared = overwrites && !run.accumulates ? fresh : adding
      try prepared.run(
        run.pointer(left), run.pointer(right),
        UnsafeMutableRawPointer(store.gradient(mixture.router)), bias: nil)
    }
    let (dx, accumulates) = contribution(to: mixture.input)
    let back = try library.prepare(
      MatrixProduct(
        rows: rowCount, columns: dx.columns, depth: experts, a: dlogits.operand(),
        b: router(mixture, asInputOutput: false), c: dx.operand()), accumulates: accumulates)
    emit("router product dx", uses: [dlogits, dx]) { run in
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

  private mutating func emitWeightGradient(
    _ map: [ExpertMap], of mixture: Program.MixtureOperation, _ mixing: Mixing, x: Matrix,
    dy: Matrix
  ) {
    guard let first = map.first else { return }
    let (store, starts) = (store, mixing.starts)
    let isInputOutput = mixture.layout == .inputOutput
    let (left, right) = isInputOutput ? (x, dy) : (dy, x)
    let (rows, columns) =
      isInputOutput ? (first.inputs, first.outputs) : (first.outputs, first.inputs)
    let product = ExpertProduct(library) { depth in
      MatrixProduct(
        rows: rows, columns: columns, depth: depth, a: left.operand(transposed: true),
        b: right.operand(), c: .init(type: .float32, stride: columns))
    }
    let overwrites = map.map { map in
      map.weights.reduce(true) { touch($1) ? false : $0 }
    }
    emit("expert product dW", uses: [x, dy, starts]) { run in
      for (expert, map) in map.enumerated() {
        let range = run.places(starts, of: expert)
        let target = store.gradient(map.weights[0])
        let starts = overwrites[expert] && !run.accumulates
        if range.isEmpty {
          // An expert that no row takes has no gradient.
          if starts { target.update(repeating: 0, count: rows * columns) }
          continue
        }
        let (a, b) = (
          run.address(left, row: range.lowerBound, column: isInputOutput ? 0 : map.offset),
          run.address(right, row: range.lowerBound, column: isInputOutput ? map.offset : 0)
        )
        try product.run(
          rows: range.count, accumulates: !starts, a, b, UnsafeMutableRawPointer(target))
      }
    }
  }

  private mutating func emitInputGradient(
    _ map: [ExpertMap], of mixture: Program.MixtureOperation, _ mixing: Mixing, dy: Matrix,
    dx: Matrix, accumulates: Bool
  ) {
    guard let first = map.first else { return }
    let (store, starts) = (store, mixing.starts)
    let weight = weight(first, mixture, asInputOutput: false)
    let product = ExpertProduct(library) { rows in
      MatrixProduct(
        rows: rows, columns: first.inputs, depth: first.outputs, a: dy.operand(), b: weight,
        c: dx.operand())
    }
    emit("expert product dx", uses: [dy, dx, starts]) { run in
      try run.forEachExpert(starts, map) { rows, first, map in
        try product.run(
          rows: rows, accumulates: accumulates,
          run.address(dy, row: first, column: map.offset), store.operand(map.weights[0]),
          run.address(dx, row: first))
      }
    }
  }

  private mutating func emitGatedPlacesBackward(
    _ mixture: Program.MixtureOperation, _ mixing: Mixing, dout: Matrix, dboth: Matrix
  ) {
    let (team, kind, width) = (team, mixture.activation.kernel, mixture.innerWidth)
    let both = mixing.gateUp
    emit("activation backward", uses: [both, dout, dboth, mixing.starts]) { run in
      team.split(run.placeCount(mixing.starts)) { range, _ in
        if both.type == .float32 {
          let (gate, dgate) = (run.floats(both), run.floats(dboth))
          ck_gated_backward_f32(
            kind, gate, gate + width, both.stride, run.floats(dout), dout.stride, dgate,
            dgate + width, dboth.stride, width, range.lowerBound, range.upperBound)
        } else {
          let (gate, dgate) = (run.halves(both), run.halves(dboth))
          ck_gated_backward_bf16(
            kind, gate, gate + width, both.stride, run.halves(dout), dout.stride, dgate,
            dgate + width, dboth.stride, width, range.lowerBound, range.upperBound)
        }
      }
    }
  }

  // MARK: Weights

  private func router(
    _ mixture: Program.MixtureOperation, asInputOutput: Bool
  ) -> MatrixProduct.Operand {
    let isInputOutput = mixture.layout == .inputOutput
    return .init(
      type: .float32,
      stride: isInputOutput ? mixture.experts.count : program.widths[mixture.input],
      isTransposed: isInputOutput != asInputOutput)
  }

  /// Every expert's gate and up: one map where they lie together in memory, else one after the other.
  private func gateAndUp(_ mixture: Program.MixtureOperation) -> [[ExpertMap]] {
    let (inputs, width) = (program.widths[mixture.input], mixture.innerWidth)
    let areTogether =
      mixture.layout == .outputInput
      && mixture.experts.allSatisfy { store.areAdjacent($0.gate, $0.up) }
    guard !areTogether else {
      return [
        mixture.experts.map {
          ExpertMap(weights: [$0.gate, $0.up], inputs: inputs, outputs: 2 * width)
        }
      ]
    }
    return [
      mixture.experts.map { ExpertMap(weights: [$0.gate], inputs: inputs, outputs: width) },
      mixture.experts.map {
        ExpertMap(weights: [$0.up], offset: width, inputs: inputs, outputs: width)
      },
    ]
  }

  private func down(_ mixture: Program.MixtureOperation) -> [ExpertMap] {
    mixture.experts.map {
      ExpertMap(
        weights: [$0.down], inputs: mixture.innerWidth, outputs: program.widths[mixture.input])
    }
  }

  /// A weight as a product's second operand: [in, out], or its transpose.
  private func weight(
    _ map: ExpertMap, _ mixture: Program.MixtureOperation, asInputOutput: Bool
  ) -> MatrixProduct.Operand {
    let isInputOutput = mixture.layout == .inputOutput
    return .init(
      type: operandType, stride: isInputOutput ? map.outputs : map.inputs,
      isTransposed: isInputOutput != asInputOutput)
  }
}

extension Execution {
  /// A matrix of whole numbers of 32 bits.
  fileprivate func integers(_ matrix: Matrix) -> UnsafeMutablePointer<Int32> {
    pointer(matrix).assumingMemoryBound(to: Int32.self)
  }

  /// An element's place.
  fileprivate func address(
    _ matrix: Matrix, row: Int, column: Int = 0
  ) -> UnsafeMutableRawPointer {
    pointer(matrix) + (row * matrix.stride + column) * matrix.type.byteWidth
  }

  /// The places of an expert's rows.
  fileprivate func places(_ starts: Matrix, of expert: Int) -> Range<Int> {
    let starts = integers(starts)
    return Int(starts[expert])..<Int(starts[expert + 1])
  }

  /// The number of all places.
  fileprivate func placeCount(_ starts: Matrix) -> Int {
    Int(integers(starts)[starts.columns - 1])
  }

  /// Calls `body` with the number of rows, the first place and the map of each expert that has rows.
  fileprivate func forEachExpert<Map>(
    _ starts: Matrix, _ maps: [Map], _ body: (Int, Int, Map) throws -> Void
  ) throws {
    for (expert, map) in maps.enumerated() {
      let range = places(starts, of: expert)
      if !range.isEmpty { try body(range.count, range.lowerBound, map) }
    }
  }
}
