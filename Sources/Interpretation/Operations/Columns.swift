// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

extension Interpreter {
  /// Adds to the columns of a slice.
  func columnsBackward(
    _ slice: Program.Slice, _ dy: Activations<Scalar>, into dx: Activations<Scalar>
  ) {
    for row in 0..<dx.rowCount {
      Scalar.add(dy.row(row), to: dx.row(row) + slice.offset, slice.width)
    }
  }

  /// Columns that are groups of parts as all first parts, all second parts, and so on.
  func regroup(
    _ x: Activations<Scalar>, _ groupCount: Int, _ widths: [Int], into y: Activations<Scalar>
  ) {
    forEachPart(groupCount, widths) { from, to, width in
      for row in 0..<x.rowCount { (y.row(row) + to).update(from: x.row(row) + from, count: width) }
    }
  }

  func regroupBackward(
    _ dy: Activations<Scalar>, _ groupCount: Int, _ widths: [Int], into dx: Activations<Scalar>
  ) {
    forEachPart(groupCount, widths) { from, to, width in
      for row in 0..<dx.rowCount { Scalar.add(dy.row(row) + to, to: dx.row(row) + from, width) }
    }
  }

  private func forEachPart(
    _ groupCount: Int, _ widths: [Int], _ body: (_ from: Int, _ to: Int, _ width: Int) -> Void
  ) {
    let group = widths.reduce(0, +)
    var (to, offset) = (0, 0)
    for width in widths {
      for index in 0..<groupCount {
        body(index * group + offset, to, width)
        to += width
      }
      offset += width
    }
  }
}
