// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

/// Linear maps: y = x W + b, dW = xᵀ dy, dx = dy Wᵀ, db = Σ dy; transposes are strides.
///
/// Maps of one input whose weights lie next to each other (query, key and value of Llama; gate and
/// up) are one product, forward and backward, and their values columns of one matrix.
extension Lowering {
  /// Some linear maps that are one product.
  private struct LinearMap {
    var input: Program.Value
    /// The first weight; the others follow it in memory.
    var weights: [Program.Parameter]
    var layout: Program.WeightLayout
    var bias: Program.Parameter?
    var outputs: [Program.Value]
  }

  mutating func linearForward(_ index: Int) throws {
    guard let map = linearMap(index) else { return }
    let x = operand(map.input)
    let type = analysis.types[map.outputs[0]]
    let y = makeMatrix(width(of: map), type)
    place(map, y)
    let product = MatrixProduct(
      rows: rowCount, columns: y.columns, depth: x.columns, a: x.operand(),
      b: weight(map, asInputOutput: true), c: y.operand(), hasBias: map.bias != nil)
    let prepared = try library.prepare(product, accumulates: false)
    let store = store
    let (weight, bias) = (map.weights[0], map.bias)
    emit("product forward", uses: [x, y], work: product.work) { run in
      try prepared.run(
        run.pointer(x), store.operand(weight), run.pointer(y), bias: bias.map { store.value($0) })
    }
  }

  mutating func linearBackward(_ index: Int) throws {
    guard let map = linearMap(index) else { return }
    let dy = wholeGradient(map)
    let x = operand(map.input)
    biasBackward(map, dy)
    try weightBackward(map, x, dy)
    try inputBackward(map, dy)
  }

  private mutating func weightBackward(_ map: LinearMap, _ x: Matrix, _ dy: Matrix) throws {
    map.weights.dropFirst().forEach { _ = touch($0) }
    try emitWeightGradient("product dW", of: map.weights[0], map.layout, x: x, dy: dy)
  }

  /// dW (+)= xᵀ dy, as the weight lies in memory.
  mutating func emitWeightGradient(
    _ label: String, of weight: Program.Parameter, _ layout: Program.WeightLayout, x: Matrix,
    dy: Matrix
  ) throws {
    let overwrites = !touch(weight)
    let inputOutput = layout == .inputOutput
    let rows = inputOutput ? x : dy
    let columns = inputOutput ? dy : x
    let product = MatrixProduct(
      rows: rows.columns, columns: columns.columns, depth: rowCount,
      a: rows.operand(transposed: true), b: columns.operand(),
      c: .init(type: .float32, stride: columns.columns))
    let fresh = try library.prepare(product, accumulates: false)
    let adding = try library.prepare(product, accumulates: true)
    let store = store
    emit(label, uses: [x, dy], work: product.work) { run in
      let prepared = overwrites && !run.accumulates ? fresh : adding
      try prepared.run(
        run.pointer(rows), run.pointer(columns), UnsafeMutableRawPointer(store.gradient(weight)),
        bias: nil)
    }
  }

  private mutating func inputBackward(_ map: LinearMap, _ dy: Matrix) throws {
    let (dx, accumulates) = contribution(to: map.input)
    let product = MatrixProduct(
      rows: rowCount, columns: dx.columns, depth: dy.columns, a: dy.operand(),
      b: weight(map, asInputOutput: false), c: dx.operand())
    let prepared = try library.prepare(product, accumulates: accumulates)
    let store = store
    let weight = map.weights[0]
    emit("product dx", uses: [dy, dx], work: product.work) { run in
      try prepared.run(run.pointer(dy), store.operand(weight), run.pointer(dx), bias: nil)
    }
  }

  private mutating func biasBackward(_ map: LinearMap, _ dy: Matrix) {
    guard let bias = map.bias, !finishedBiases.contains(bias) else { return }
    prepareToAdd(to: bias)
    let (store, team, rows) = (store, team, rowCount)
    emit("bias", uses: [dy]) { run in
      let target = store.gradient(bias)
      team.split(dy.columns) { range, _ in
        if dy.type == .float32 {
          ck_column_sum_f32(
            run.floats(dy), dy.stride, target, rows, range.lowerBound, range.upperBound)
        } else {
          ck_column_sum_bf16(
            run.halves(dy), dy.stride, target, rows, range.lowerBound, range.upperBound)
        }
      }
    }
  }

  /// The map that an operation stands for; nil where an earlier one covers it.
  ///
  /// Backward runs in reverse, so there too the first operation does the work: by then the
  /// gradients of all its values are complete.
  private func linearMap(_ index: Int) -> LinearMap? {
    guard case .linear(let input, let weight, let layout, let bias, let output) = operations[index]
    else { return nil }
    var map = LinearMap(
      input: input, weights: [weight], layout: layout, bias: bias, outputs: [output])
    switch analysis.fusions[index] {
    case .coveredByFirstOfLinears: return nil
    case .firstOfLinears(let count):
      for later in index + 1..<index + count {
        guard case .linear(_, let weight, _, _, let output) = operations[later] else { break }
        map.weights.append(weight)
        map.outputs.append(output)
      }
      return map
    default: return map
    }
  }

  private func width(of map: LinearMap) -> Int {
    map.outputs.reduce(0) { $0 + program.widths[$1] }
  }

  /// Makes each output a slice of the product's result.
  private mutating func place(_ map: LinearMap, _ y: Matrix) {
    var offset = 0
    for output in map.outputs {
      values[output] = y.slice(offset, program.widths[output])
      offset += program.widths[output]
      if map.outputs.count > 1 { linearGroups[output] = map.outputs }
    }
  }

  /// The gradient of all outputs as products read it.
  private mutating func wholeGradient(_ map: LinearMap) -> Matrix {
    guard map.outputs.count > 1 else { return gradientOperand(map.outputs[0]) }
    var whole = gradient(map.outputs[0])
    whole.columns = width(of: map)
    return whole
  }

  /// The weight as a product's second operand: [in, out], or its transpose.
  private func weight(_ map: LinearMap, asInputOutput: Bool) -> MatrixProduct.Operand {
    map.layout.operand(
      operandType, inputs: program.widths[map.input], outputs: width(of: map),
      asInputOutput: asInputOutput)
  }
}

extension Program.WeightLayout {
  /// A weight as a product's second operand: [inputs, outputs], or its transpose.
  func operand(
    _ type: ElementType, inputs: Int, outputs: Int, asInputOutput: Bool
  ) -> MatrixProduct.Operand {
    MatrixProduct.Operand(
      type: type, stride: self == .inputOutput ? outputs : inputs,
      isTransposed: (self == .inputOutput) != asInputOutput)
  }
}
