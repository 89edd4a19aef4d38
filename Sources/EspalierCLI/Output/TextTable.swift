// SPDX-License-Identifier: Apache-2.0

/// Rows of cells as lines of a terminal.
enum TextTable {
  /// Columns as wide as their widest cell, two spaces apart.
  ///
  /// - Parameter numbers: the first column whose cells end, rather than begin, below each other.
  static func lines(_ rows: [[String]], numbersFrom numbers: Int = .max) -> [String] {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let line = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column < numbers ? cell + space : space + cell
      }.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
