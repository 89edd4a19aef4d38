// SPDX-License-Identifier: Apache-2.0
import Foundation
import LinearAlgebra

/// One of a program's values: a row for each token.
///
/// A class, so that a value is one piece of memory however many hold it; whoever writes it is the
/// operation that makes it.
package final class Activations<Scalar: InterpretedScalar> {
  package let rowCount: Int
  package let columnCount: Int
  package let base: UnsafeMutablePointer<Scalar>

  /// Rows of zeros.
  package init(rows: Int, columns: Int) {
    rowCount = rows
    columnCount = columns
    base = .allocate(capacity: max(1, rows * columns))
    // Zero is all bits zero in every scalar.
    memset(base, 0, max(1, rows * columns) * MemoryLayout<Scalar>.stride)
  }

  deinit { base.deallocate() }

  package var count: Int { rowCount * columnCount }

  /// The first element of a row.
  package func row(_ index: Int) -> UnsafeMutablePointer<Scalar> { base + index * columnCount }

  /// All elements, row-major.
  package var elements: [Scalar] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// Takes over the columns from an offset on, as many as there are.
  func copy(_ x: Activations, from offset: Int = 0) {
    for row in 0..<rowCount { self.row(row).update(from: x.row(row) + offset, count: columnCount) }
  }

  /// The rows of these numbers, one after the other.
  func gathered(_ rows: [Int]) -> Activations {
    let result = Activations(rows: rows.count, columns: columnCount)
    for (place, row) in rows.enumerated() {
      result.row(place).update(from: self.row(row), count: columnCount)
    }
    return result
  }

  /// Adds all elements of another value of the same shape.
  func add(_ other: Activations) { Scalar.add(other.base, to: base, count) }
}

// What operations do to rows is written in float64 alone: rows of float32 are widened for it, and rounded
// once after it.

extension Activations {
  /// Calls `body` with the number and the elements of each row, or of each stretch of `width` columns,
  /// which it may change, on all threads.
  ///
  /// - Parameter cost: operations for each element.
  func forEachRow(
    width: Int? = nil, cost: Int, _ arithmetic: MatrixArithmetic,
    _ body: (Int, UnsafeMutablePointer<Double>) -> Void
  ) {
    let width = width ?? columnCount
    arithmetic.split(count / max(1, width), cost: cost * width) { rows in
      for row in rows { Scalar.withDoubles(base + row * width, width) { body(row, $0) } }
    }
  }

  /// As ``forEachRow(width:cost:_:_:)``, with the same row of two others to read; on this thread, so
  /// that sums over rows need no order of their own.
  func forEachRow(
    width: Int? = nil, with first: Activations, and second: Activations,
    _ body: (
      UnsafeMutablePointer<Double>, _ first: UnsafePointer<Double>, _ second: UnsafePointer<Double>
    ) -> Void
  ) {
    let width = width ?? columnCount
    for start in stride(from: 0, to: count, by: max(1, width)) {
      Scalar.withDoubles(reading: first.base + start, width) { first in
        Scalar.withDoubles(reading: second.base + start, width) { second in
          Scalar.withDoubles(base + start, width) { body($0, first, second) }
        }
      }
    }
  }
}
