// SPDX-License-Identifier: Apache-2.0

/// Rows of a table, one for each token: y[r] = table[token r].
package enum EmbeddingOperation {
  package static func forward(table: [Double], width: Int, tokens: [Int32]) -> Matrix {
    var y = Matrix(zeros: tokens.count, width)
    for (row, token) in tokens.enumerated() {
      for column in 0..<width { y[row, column] = table[Int(token) * width + column] }
    }
    return y
  }

  /// Adds each row's gradient to its token's row of the table's gradient.
  package static func backward(_ dy: Matrix, tokens: [Int32], tableGradient: inout [Double]) {
    for (row, token) in tokens.enumerated() {
      for column in 0..<dy.columnCount {
        tableGradient[Int(token) * dy.columnCount + column] += dy[row, column]
      }
    }
  }
}

/// Learned positions: y[r] = x[r] + table[r mod length].
package enum PositionEmbeddingOperation {
  package static func forward(_ x: Matrix, table: [Double], length: Int) -> Matrix {
    var y = x
    for row in 0..<x.rowCount {
      for column in 0..<x.columnCount {
        y[row, column] += table[(row % length) * x.columnCount + column]
      }
    }
    return y
  }

  /// Adds each row's gradient to its position's row of the table's gradient; dx = dy.
  package static func backward(_ dy: Matrix, length: Int, tableGradient: inout [Double]) {
    for row in 0..<dy.rowCount {
      for column in 0..<dy.columnCount {
        tableGradient[(row % length) * dy.columnCount + column] += dy[row, column]
      }
    }
  }
}
