// SPDX-License-Identifier: Apache-2.0

/// One of a program's values in float32: a row for each token.
///
/// A class, so that a value is one piece of memory however many hold it; whoever writes it is the
/// operation that makes it.
final class Activations {
  let rowCount: Int
  let columnCount: Int
  let base: UnsafeMutablePointer<Float>

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
  func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * columnCount }

  /// All elements, row-major.
  var elements: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
