// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

// The linear maps of experts: each a product over the rows that its expert takes, which lie together.

extension Lowering {
  /// One of an expert's maps, or gate and up as one; the weights of one product lie together.
  struct ExpertMap {
    var weights: [Program.Parameter]
    /// The first column of the wider matrix that this map writes, and whose gradient it reads.
    var offset = 0
    var inputs: Int
    var outputs: Int
  }

  /// Whether a map's product goes from its inputs to its outputs, or takes gradients back.
  enum MapDirection { case forward, backward }

  /// y = x W of every expert, or dx (+)= dy Wᵀ.
  mutating func emitProducts(
    _ maps: [ExpertMap], _ direction: MapDirection, of mixture: Program.MixtureOperation,
    starts: Matrix, from x: Matrix, to y: Matrix, accumulates: Bool = false
  ) {
    guard let first = maps.first else { return }
    let (store, isForward) = (store, direction == .forward)
    let weight = mixture.layout.operand(
      operandType, inputs: first.inputs, outputs: first.outputs, asInputOutput: isForward)
    let product = ExpertProduct(library) { rows in
      MatrixProduct(
        rows: rows, columns: isForward ? first.outputs : first.inputs,
        depth: isForward ? first.inputs : first.outputs, a: x.operand(), b: weight, c: y.operand())
    }
    emit(
      isForward ? "expert product forward" : "expert product dx", uses: [x, y, starts],
      work: product.work(rows: rowCount * mixture.perToken, experts: maps.count)
    ) { run in
      for (expert, map) in maps.enumerated() {
        let range = run.places(starts, of: expert)
        guard !range.isEmpty else { continue }
        try product.run(
          rows: range.count, accumulates: accumulates,
          run.address(x, row: range.lowerBound, column: isForward ? 0 : map.offset),
          store.operand(map.weights[0]),
          run.address(y, row: range.lowerBound, column: isForward ? map.offset : 0))
      }
    }
  }

  /// dW (+)= xᵀ dy of every expert, over its own rows.
  mutating func emitWeightGradients(
    _ maps: [ExpertMap], of mixture: Program.MixtureOperation, starts: Matrix, x: Matrix,
    dy: Matrix
  ) {
    guard let first = maps.first else { return }
    let store = store
    let isInputOutput = mixture.layout == .inputOutput
    let (left, right) = isInputOutput ? (x, dy) : (dy, x)
    let (rows, columns) =
      isInputOutput ? (first.inputs, first.outputs) : (first.outputs, first.inputs)
    let product = ExpertProduct(library) { depth in
      MatrixProduct(
        rows: rows, columns: columns, depth: depth, a: left.operand(transposed: true),
        b: right.operand(), c: .init(type: .float32, stride: columns))
    }
    let overwrites = maps.map { map in
      map.weights.reduce(true) { touch($1) ? false : $0 }
    }
    emit(
      "expert product dW", uses: [x, dy, starts],
      work: product.work(rows: rowCount * mixture.perToken, experts: maps.count)
    ) { run in
      for (expert, map) in maps.enumerated() {
        let range = run.places(starts, of: expert)
        let target = store.gradient(map.weights[0])
        let begins = overwrites[expert] && !run.accumulates
        if range.isEmpty {
          // An expert that no row takes has no gradient.
          if begins { target.update(repeating: 0, count: rows * columns) }
          continue
        }
        let (a, b) = (
          run.address(left, row: range.lowerBound, column: isInputOutput ? 0 : map.offset),
          run.address(right, row: range.lowerBound, column: isInputOutput ? map.offset : 0)
        )
        try product.run(
          rows: range.count, accumulates: !begins, a, b, UnsafeMutableRawPointer(target))
      }
    }
  }

  /// Every expert's gate and up: one map where they lie together in memory, else one after the other.
  func gateAndUp(_ mixture: Program.MixtureOperation) -> [[ExpertMap]] {
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

  func down(_ mixture: Program.MixtureOperation) -> [ExpertMap] {
    mixture.experts.map {
      ExpertMap(
        weights: [$0.down], inputs: mixture.innerWidth, outputs: program.widths[mixture.input])
    }
  }
}

extension Execution {
  /// A matrix of whole numbers of 32 bits.
  func integers(_ matrix: Matrix) -> UnsafeMutablePointer<Int32> {
    pointer(matrix).assumingMemoryBound(to: Int32.self)
  }

  /// An element's place.
  func address(
    _ matrix: Matrix, row: Int, column: Int = 0
  ) -> UnsafeMutableRawPointer {
    pointer(matrix) + (row * matrix.stride + column) * matrix.type.byteWidth
  }

  /// The places of an expert's rows.
  func places(_ starts: Matrix, of expert: Int) -> Range<Int> {
    let starts = integers(starts)
    return Int(starts[expert])..<Int(starts[expert + 1])
  }

  /// The number of all places.
  func placeCount(_ starts: Matrix) -> Int {
    Int(integers(starts)[starts.columns - 1])
  }
}
