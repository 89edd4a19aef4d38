// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A value for each entry of a vector or matrix, where few rows and columns differ.
///
/// Rows that have the same values share one line, a list of runs of columns, so that whoever walks through
/// the tensor meets stretches of elements and not single ones.
public struct EntryGrid<Value: Sendable & Hashable>: Sendable, Hashable {
  private struct Piece: Sendable, Hashable {
    var columns: Range<Int>
    var value: Value
  }

  private struct Rows: Sendable, Hashable {
    var range: Range<Int>
    /// The number of their line.
    var line: Int
  }

  private let rows: [Rows]
  private let lines: [[Piece]]
  private let rowLength: Int

  /// A grid for a tensor of rank 1 or 2.
  ///
  /// - Parameters:
  ///   - sets: sets of its entries.
  ///   - value: the value of entries, given for each set whether they are in it.
  package init(_ shape: Shape, _ sets: [EntryRanges], value: ([Bool]) -> Value) {
    precondition((1...2).contains(shape.rank), "a grid for the shape \(shape)")
    rowLength = shape[shape.rank - 1]
    let columns = Self.stretches(of: shape.rank - 1, shape, sets)
    let all =
      shape.rank == 1
      ? [(range: 0..<1, isIn: sets.map { _ in false })] : Self.stretches(of: 0, shape, sets)
    var numbers: [[Bool]: Int] = [:]
    var lines: [[Piece]] = []
    rows = all.map { range, isRowIn in
      if let known = numbers[isRowIn] { return Rows(range: range, line: known) }
      numbers[isRowIn] = lines.count
      lines.append(
        Self.joined(
          columns.map { columns, isColumnIn in
            Piece(
              columns: columns, value: value(zip(isRowIn, isColumnIn).map { $0 || $1 }))
          }))
      return Rows(range: range, line: lines.count - 1)
    }
    self.lines = lines
  }

  /// Calls `body` for stretches of row-major elements that have one value, in order.
  ///
  /// - Parameter range: the elements to be covered.
  public func forEachRun(
    in range: Range<Int>, _ body: (Range<Int>, Value) throws -> Void
  ) rethrows {
    for rows in rows {
      let elements = rows.range.lowerBound * rowLength..<rows.range.upperBound * rowLength
      let part = elements.clamped(to: range)
      guard !part.isEmpty else { continue }
      let line = lines[rows.line]
      if line.count == 1 {
        try body(part, line[0].value)
        continue
      }
      for row in part.lowerBound / rowLength...(part.upperBound - 1) / rowLength {
        let first = row * rowLength
        for piece in line {
          let run = (first + piece.columns.lowerBound..<first + piece.columns.upperBound)
            .clamped(to: part)
          if !run.isEmpty { try body(run, piece.value) }
        }
      }
    }
  }

  /// The grid as a table, for whoever looks values up: the line of each row, and each line's value in every
  /// column.
  package func table() -> (lineOfRow: [Int32], lines: [[Value]]) {
    (
      rows.flatMap { rows in repeatElement(Int32(rows.line), count: rows.range.count) },
      lines.map { $0.flatMap { repeatElement($0.value, count: $0.columns.count) } }
    )
  }

  /// The stretches of an axis whose indices are in the same sets.
  private static func stretches(
    of axis: Int, _ shape: Shape, _ sets: [EntryRanges]
  ) -> [(range: Range<Int>, isIn: [Bool])] {
    let bounds = sets.flatMap { $0.axes[axis].flatMap { [$0.lowerBound, $0.upperBound] } }
    let cuts = Set(bounds + [0, shape[axis]]).sorted()
    var next = sets.map { _ in 0 }
    return zip(cuts, cuts.dropFirst()).map { start, end in
      let isIn = sets.indices.map { set in
        let ranges = sets[set].axes[axis]
        while next[set] < ranges.count, ranges[next[set]].upperBound <= start { next[set] += 1 }
        return next[set] < ranges.count && ranges[next[set]].lowerBound <= start
      }
      return (start..<end, isIn)
    }
  }

  /// Neighbours of one value made one.
  private static func joined(_ pieces: [Piece]) -> [Piece] {
    pieces.reduce(into: []) { result, piece in
      guard let last = result.last, last.value == piece.value else { return result.append(piece) }
      result[result.count - 1].columns = last.columns.lowerBound..<piece.columns.upperBound
    }
  }
}
