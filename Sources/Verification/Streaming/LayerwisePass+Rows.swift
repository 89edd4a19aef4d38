// SPDX-License-Identifier: Apache-2.0
import Architectures
import ReferenceEngine

// What is done to rows and elements: plain loops, split over threads.

extension LayerwisePass {
  /// The table's rows of the tokens, and no others.
  func embed(_ table: Program.Parameter, into result: Activations<Scalar>) throws {
    let width = result.columnCount
    var known: [Int32: Int] = [:]
    for (row, token) in batch.inputs.enumerated() {
      if let first = known[token] {
        result.row(row).update(from: result.row(first), count: width)
        continue
      }
      known[token] = row
      let start = Int(token) * width
      try parameters.read(table, start..<start + width, into: result.row(row), arithmetic)
    }
    try didRead(program.parameters[table].shape.elementCount)
  }

  /// result = x + the table's row of each position.
  func addPositions(
    _ table: Program.Parameter, to x: Activations<Scalar>, into result: Activations<Scalar>
  ) throws {
    let (width, length) = (result.columnCount, batch.sequenceLength)
    let positions = Activations<Scalar>(rows: length, columns: width)
    try parameters.read(table, 0..<length * width, into: positions.base, arithmetic)
    try didRead(program.parameters[table].shape.elementCount)
    for row in 0..<x.rowCount {
      let (from, position, to) = (x.row(row), positions.row(row % length), result.row(row))
      for column in 0..<width { to[column] = from[column] + position[column] }
    }
  }

  /// Adds a bias to every row.
  func add(_ bias: Program.Parameter, to result: Activations<Scalar>) throws {
    let bias = try parameters.vector(bias, arithmetic)
    try didRead(bias.count)
    for row in 0..<result.rowCount {
      let to = result.row(row)
      for column in bias.indices { to[column] += bias[column] }
    }
  }

  /// Normalises stretches of `width` columns, each by itself; sums are float64.
  func normalise(
    _ x: Activations<Scalar>, _ kind: Program.NormKind, _ epsilon: Double, width: Int,
    _ gain: Program.Gain?, _ bias: Program.Parameter?, into result: Activations<Scalar>
  ) throws {
    let gains =
      try gain.map { gain in
        try parameters.vector(gain.parameter, arithmetic).map { Double($0) + gain.offset }
      } ?? [Double](repeating: 1, count: width)
    let biases = try bias.map { try parameters.vector($0, arithmetic).map(Double.init) }
    try didRead((gain == nil ? 0 : width) + (bias == nil ? 0 : width))
    arithmetic.split(x.count / width, cost: 4 * width) { stretches in
      for stretch in stretches {
        let (from, to) = (x.base + stretch * width, result.base + stretch * width)
        var mean = 0.0
        if kind == .layer {
          for column in 0..<width { mean += Double(from[column]) }
          mean /= Double(width)
        }
        var squares = 0.0
        for column in 0..<width {
          let difference = Double(from[column]) - mean
          squares += difference * difference
        }
        let factor = 1 / (squares / Double(width) + epsilon).squareRoot()
        for column in 0..<width {
          let normal = (Double(from[column]) - mean) * factor
          to[column] = Scalar(normal * gains[column] + (biases?[column] ?? 0))
        }
      }
    }
  }

  /// result = factor · x.
  func scale(_ x: Activations<Scalar>, by factor: Double, into result: Activations<Scalar>) {
    for index in 0..<x.count { result.base[index] = Scalar(factor * Double(x.base[index])) }
  }

  /// result = f(x).
  func activate(
    _ kind: Program.ActivationKind, _ x: Activations<Scalar>, into result: Activations<Scalar>
  ) {
    arithmetic.split(x.count, cost: 30) { range in
      for index in range {
        result.base[index] = Scalar(ActivationOperation.value(kind, Double(x.base[index])))
      }
    }
  }

  /// Each element of two values of one shape together.
  func combine(
    _ left: Activations<Scalar>, _ right: Activations<Scalar>, into result: Activations<Scalar>,
    _ function: (Scalar, Scalar) -> Scalar
  ) {
    for index in 0..<result.count {
      result.base[index] = function(left.base[index], right.base[index])
    }
  }

  /// The columns from an offset on, as many as the result has.
  func copy(_ x: Activations<Scalar>, from offset: Int, into result: Activations<Scalar>) {
    for row in 0..<x.rowCount {
      result.row(row).update(from: x.row(row) + offset, count: result.columnCount)
    }
  }

  /// Columns that are groups of parts as all first parts, all second parts, and so on.
  func regroup(
    _ x: Activations<Scalar>, _ groupCount: Int, _ widths: [Int], into result: Activations<Scalar>
  ) {
    let group = widths.reduce(0, +)
    var (to, offset) = (0, 0)
    for width in widths {
      for index in 0..<groupCount {
        for row in 0..<x.rowCount {
          (result.row(row) + to).update(from: x.row(row) + index * group + offset, count: width)
        }
        to += width
      }
      offset += width
    }
  }
}
