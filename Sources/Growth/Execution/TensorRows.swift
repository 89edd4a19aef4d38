// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization
import Tensors

/// A tensor of the small model seen as rows along its last axis.
///
/// Rows may lie in memory, be converted from another type, or be grown themselves: whoever reads
/// gives a scratch row, which is used where the row does not lie ready.
package struct TensorRows<Scalar: GrowthScalar>: @unchecked Sendable {
  package typealias Row = UnsafeBufferPointer<Scalar>
  package typealias Scratch = UnsafeMutableBufferPointer<Scalar>

  /// The number of rows.
  package let count: Int
  /// Elements of a row.
  package let length: Int
  /// Gives a row; the scratch has room for one.
  package let read: (_ row: Int, _ scratch: Scratch) -> Row

  /// Makes rows for one thread that asks for them in order; nil where that is no faster.
  var sequential: (() -> TensorRows)?
  /// How many threads measure the rows; nil for all cores.
  var threadCount: Int?

  /// Rows that lie one after the other; whoever owns them keeps them alive.
  package init(_ elements: UnsafeBufferPointer<Scalar>, length: Int) {
    count = length == 0 ? 0 : elements.count / length
    self.length = length
    nonisolated(unsafe) let elements = elements
    read = { row, _ in
      UnsafeBufferPointer(rebasing: elements[row * length..<(row + 1) * length])
    }
  }

  /// Rows that a closure makes.
  package init(count: Int, length: Int, read: @escaping (_ row: Int, _ scratch: Scratch) -> Row) {
    self.count = count
    self.length = length
    self.read = read
  }

  /// The root of the mean of all squares.
  ///
  /// Sums are those of rows, of 64 rows, of all, in this order, whichever core takes which: the result
  /// is the same on every machine.
  package func rootMeanSquare() -> Double {
    var total = 0.0
    chunks { rows, all, scratch in
      rows.reduce(0.0) { $0 + Scalar.sumOfSquares(all.read($1, scratch)) }
    } inOrder: {
      total += $0
    }
    return (total / Double(max(count * length, 1))).squareRoot()
  }

  /// The mean of all rows, summed as the squares are.
  package func meanRow() -> [Scalar] {
    var total = [Double](repeating: 0, count: length)
    chunks { rows, all, scratch in
      var sums = [Double](repeating: 0, count: length)
      for row in rows {
        let elements = all.read(row, scratch)
        for index in 0..<length { sums[index] += Double(elements[index]) }
      }
      return sums
    } inOrder: { part in
      for index in 0..<length { total[index] += part[index] }
    }
    return total.map { Scalar($0 / Double(max(count, 1))) }
  }

  /// Gives to `inOrder` what `body` makes of each chunk of rows; chunks are shared out to all cores.
  private func chunks<Result>(
    _ body: (Range<Int>, TensorRows, Scratch) -> Result, inOrder: (Result) -> Void
  ) {
    let rowsPerChunk = 64
    let number = (count + rowsPerChunk - 1) / rowsPerChunk
    // So many results at a time: a tensor may have more rows than memory should hold sums of.
    let group = 64
    for first in stride(from: 0, to: number, by: group) {
      results(of: min(group, number - first)) { index, scratch in
        let start = (first + index) * rowsPerChunk
        let rows = start..<min(start + rowsPerChunk, count)
        return body(rows, sequential?() ?? self, scratch)
      }.forEach(inOrder)
    }
  }

  /// What `body` makes of each number, on as many threads as may be.
  private func results<Result>(of number: Int, _ body: (Int, Scratch) -> Result) -> [Result] {
    [Result](unsafeUninitializedCapacity: number) { results, filled in
      nonisolated(unsafe) let results = results
      withoutActuallyEscaping(body) { body in
        nonisolated(unsafe) let body = body
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: min(number, threadCount ?? number)) { _ in
          withUnsafeTemporaryAllocation(of: Scalar.self, capacity: length) { scratch in
            scratch.initialize(repeating: 0)
            while true {
              let index = next.add(1, ordering: .relaxed).oldValue
              guard index < number else { return }
              results.initializeElement(at: index, to: body(index, scratch))
            }
          }
        }
      }
      filled = number
    }
  }
}
