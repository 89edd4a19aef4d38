// SPDX-License-Identifier: Apache-2.0
import Interpretation
import LinearAlgebra
import Synchronization

/// Compares the values of a grown model's files with those that its growth makes in float64, as far as
/// they are computed with.
final class ReplayComparison: Sendable {
  private let files: StoredParameters<Double>
  private let sums: Mutex<[Sums]>

  /// Σ (x − y)² and Σ y² of a parameter.
  fileprivate struct Sums {
    var difference = 0.0
    var norm = 0.0
  }

  init(_ files: StoredParameters<Double>) {
    self.files = files
    sums = Mutex(Array(repeating: Sums(), count: files.specs.count))
  }

  /// Takes in some elements of a parameter as the growth makes them.
  ///
  /// - Throws: as reading the files does.
  func add(
    _ parameter: Int, _ elements: Range<Int>, _ made: UnsafePointer<Double>,
    _ arithmetic: MatrixArithmetic
  ) throws {
    let read = UnsafeMutablePointer<Double>.allocate(capacity: elements.count)
    defer { read.deallocate() }
    read.initialize(repeating: 0, count: elements.count)
    try files.read(parameter, elements, into: read, arithmetic)
    // Sums of equal pieces in their order: the same whichever thread makes them.
    let piece = 1 << 14
    let count = (elements.count + piece - 1) / piece
    let parts = Mutex(Array(repeating: Sums(), count: count))
    arithmetic.split(count, cost: 4 * piece) { pieces in
      for index in pieces {
        let range = index * piece..<min((index + 1) * piece, elements.count)
        let part = Self.sums(read, made, range)
        parts.withLock { $0[index] = part }
      }
    }
    let total = parts.withLock { $0.reduce(into: Sums()) { $0.add($1) } }
    sums.withLock { $0[parameter].add(total) }
  }

  private static func sums(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ range: Range<Int>
  ) -> Sums {
    var sums = Sums()
    for index in range {
      let difference = x[index] - y[index]
      sums.difference += difference * difference
      sums.norm += y[index] * y[index]
    }
    return sums
  }

  /// The largest relative error of any parameter.
  var error: MeasuredNumber? {
    largestError(
      sums.withLock { $0 }.map { ($0.difference.squareRoot(), $0.norm.squareRoot()) },
      names: files.specs.map(\.name), floor: 1e-12)
  }
}

extension ReplayComparison.Sums {
  fileprivate mutating func add(_ other: Self) {
    difference += other.difference
    norm += other.norm
  }
}
