// SPDX-License-Identifier: Apache-2.0

/// A row-major matrix of float64: one row per token.
package struct Matrix: Sendable, Hashable {
  package let rowCount: Int
  package let columnCount: Int
  package var elements: [Double]

  package init(_ elements: [Double], rowCount: Int, columnCount: Int) {
    precondition(
      elements.count == rowCount * columnCount,
      "\(elements.count) elements for \(rowCount) × \(columnCount)")
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.elements = elements
  }

  package init(zeros rowCount: Int, _ columnCount: Int) {
    self.init(
      [Double](repeating: 0, count: rowCount * columnCount), rowCount: rowCount,
      columnCount: columnCount)
  }

  package subscript(row: Int, column: Int) -> Double {
    get { elements[row * columnCount + column] }
    set { elements[row * columnCount + column] = newValue }
  }

  /// Columns `offset ..< offset + width`.
  package func columns(from offset: Int, width: Int) -> Matrix {
    var result = Matrix(zeros: rowCount, width)
    for row in 0..<rowCount {
      for column in 0..<width { result[row, column] = self[row, offset + column] }
    }
    return result
  }

  /// Adds to columns `offset ..< offset + other.columnCount`.
  package mutating func add(_ other: Matrix, atColumn offset: Int = 0) {
    for row in 0..<rowCount {
      for column in 0..<other.columnCount { self[row, offset + column] += other[row, column] }
    }
  }

  /// Applies a function to each element and the element in the same place of another matrix.
  package func combined(
    with other: Matrix, _ function: (Double, Double) -> Double
  ) -> Matrix {
    Matrix(
      zip(elements, other.elements).map(function), rowCount: rowCount, columnCount: columnCount)
  }

  /// Applies a function to each element.
  package func map(_ function: (Double) -> Double) -> Matrix {
    Matrix(elements.map(function), rowCount: rowCount, columnCount: columnCount)
  }

  /// Columns that are groups of parts as all first parts, all second parts, and so on.
  package func regrouped(_ groupCount: Int, _ widths: [Int], inverse: Bool = false) -> Matrix {
    let group = widths.reduce(0, +)
    var result = Matrix(zeros: rowCount, columnCount)
    var (to, offset) = (0, 0)
    for width in widths {
      for index in 0..<groupCount {
        for column in 0..<width {
          let from = index * group + offset + column
          for row in 0..<rowCount {
            if inverse {
              result[row, from] = self[row, to]
            } else {
              result[row, to] = self[row, from]
            }
          }
          to += 1
        }
      }
      offset += width
    }
    return result
  }
}
