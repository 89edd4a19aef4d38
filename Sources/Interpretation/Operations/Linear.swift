// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

/// y = x W + b, W lying in memory as [inputs, outputs] or as [outputs, inputs].
struct LinearMap {
  var weight: Program.Parameter
  var layout: Program.WeightLayout
  var bias: Program.Parameter?

  init(
    _ weight: Program.Parameter, _ layout: Program.WeightLayout, _ bias: Program.Parameter? = nil
  ) {
    (self.weight, self.layout, self.bias) = (weight, layout, bias)
  }
}

extension Interpreter {
  /// y += x W + b, W read in blocks of rows: of outputs, or of the inputs' summands.
  func linear(
    _ map: LinearMap, _ x: Activations<Scalar>, into y: Activations<Scalar>
  ) throws {
    let (inputs, outputs) = (x.columnCount, y.columnCount)
    switch map.layout {
    case .outputInput: try project(x, on: 0..<outputs, of: map.weight, into: y)
    case .inputOutput:
      try forEachBlock(of: map.weight, rows: 0..<inputs, length: outputs) { block, range in
        try Scalar.multiply(
          .init(x.base + range.lowerBound, stride: inputs), .init(block, stride: outputs),
          into: y.base, stride: outputs, rows: x.rowCount, columns: outputs, depth: range.count,
          accumulates: true, arithmetic)
      }
    }
    guard let bias = try map.bias.map({ try vector($0) }) else { return }
    y.forEachRow(cost: 1, arithmetic) { _, y in
      for column in bias.indices { y[column] += bias[column] }
    }
  }

  /// y = x Wᵀ for some rows of a weight [outputs, inputs].
  func project(
    _ x: Activations<Scalar>, on rows: Range<Int>, of weight: Program.Parameter,
    into y: Activations<Scalar>
  ) throws {
    let inputs = x.columnCount
    try forEachBlock(of: weight, rows: rows, length: inputs) { block, range in
      try Scalar.multiply(
        .init(x.base, stride: inputs), .init(block, stride: inputs, isTransposed: true),
        into: y.base + (range.lowerBound - rows.lowerBound), stride: y.columnCount,
        rows: x.rowCount, columns: range.count, depth: inputs, accumulates: false, arithmetic)
    }
  }

  /// dx += dy Wᵀ, dW += xᵀ dy, db += Σ dy.
  func linearBackward(
    _ map: LinearMap, _ x: Activations<Scalar>, _ dy: Activations<Scalar>,
    into dx: Activations<Scalar>
  ) throws {
    let (inputs, outputs, rows) = (x.columnCount, dy.columnCount, x.rowCount)
    let isTransposed = map.layout == .inputOutput
    let (lines, length) = isTransposed ? (inputs, outputs) : (outputs, inputs)
    try forEachBlock(of: map.weight, rows: 0..<lines, length: length) { block, range in
      let first = range.lowerBound
      try Scalar.multiply(
        .init(dy.base + (isTransposed ? 0 : first), stride: outputs),
        .init(block, stride: length, isTransposed: isTransposed),
        into: dx.base + (isTransposed ? first : 0), stride: inputs, rows: rows,
        columns: isTransposed ? range.count : inputs, depth: isTransposed ? outputs : range.count,
        accumulates: true, arithmetic)
    }
    let (left, right) = isTransposed ? (x, dy) : (dy, x)
    try withGradient(map.weight) { gradient in
      try Scalar.multiply(
        .init(left.base, stride: lines, isTransposed: true), .init(right.base, stride: length),
        into: gradient, stride: length, rows: lines, columns: length, depth: rows,
        accumulates: true, arithmetic)
    }
    if let bias = map.bias { add(columnSums(dy), to: bias) }
  }

  private func columnSums(_ x: Activations<Scalar>) -> [Double] {
    var sums = [Double](repeating: 0, count: x.columnCount)
    for row in 0..<x.rowCount {
      Scalar.withDoubles(reading: x.row(row), x.columnCount) { x in
        for column in sums.indices { sums[column] += x[column] }
      }
    }
    return sums
  }
}
