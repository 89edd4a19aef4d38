// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

// Rows of tables: y[r] = table[token r], and y[r] = x[r] + table[r mod length].

extension Interpreter {
  /// The table's rows of the tokens, and no others.
  func embed(_ table: Program.Parameter, into y: Activations<Scalar>) throws {
    let width = y.columnCount
    var known: [Int32: Int] = [:]
    for (row, token) in batch.inputs.enumerated() {
      if let first = known[token] {
        y.row(row).update(from: y.row(first), count: width)
        continue
      }
      known[token] = row
      try readRows(Int(token)..<Int(token) + 1, of: table, length: width, into: y.row(row))
    }
    try skip(table)
  }

  /// Adds each row's gradient to its token's row of the table's.
  func embedBackward(_ table: Program.Parameter, _ dy: Activations<Scalar>) {
    let width = dy.columnCount
    withGradient(table) { gradient in
      for (row, token) in batch.inputs.enumerated() {
        Scalar.add(dy.row(row), to: gradient + Int(token) * width, width)
      }
    }
  }

  /// y = x + the table's row of each position.
  func addPositions(
    _ table: Program.Parameter, to x: Activations<Scalar>, into y: Activations<Scalar>
  ) throws {
    let (width, length) = (y.columnCount, batch.sequenceLength)
    let positions = Activations<Scalar>(rows: length, columns: width)
    try readRows(0..<length, of: table, length: width, into: positions.base)
    try skip(table)
    y.copy(x)
    for row in 0..<x.rowCount {
      Scalar.add(positions.row(row % length), to: y.row(row), width)
    }
  }

  /// Adds each row's gradient to its position's row of the table's; dx += dy.
  func addPositionsBackward(
    _ table: Program.Parameter, _ dy: Activations<Scalar>, into dx: Activations<Scalar>
  ) {
    let (width, length) = (dy.columnCount, batch.sequenceLength)
    withGradient(table) { gradient in
      for row in 0..<dy.rowCount {
        Scalar.add(dy.row(row), to: gradient + row % length * width, width)
      }
    }
    dx.add(dy)
  }
}
