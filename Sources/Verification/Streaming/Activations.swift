// SPDX-License-Identifier: Apache-2.0

/// One of a program's values: a row for each token.
///
/// A class, so that a value is one piece of memory however many hold it; whoever writes it is the
/// operation that makes it.
final class Activations<Scalar: LayerwiseScalar> {
  let rowCount: Int
  let columnCount: Int
  let base: UnsafeMutablePointer<Scalar>

  /// Rows of zeros.
  init(rows: Int, columns: Int) {
    rowCount = rows
    columnCount = columns
    base = .allocate(capacity: max(1, rows * columns))
    base.initialize(repeating: 0, count: rows * columns)
  }

  deinit { base.deallocate() }

  var count: Int { rowCount * columnCount }

  /// The first element of a row.
  func row(_ index: Int) -> UnsafeMutablePointer<Scalar> { base + index * columnCount }

  /// All elements, row-major.
  var elements: [Scalar] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
