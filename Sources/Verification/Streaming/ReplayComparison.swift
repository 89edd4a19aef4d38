// SPDX-License-Identifier: Apache-2.0
import Interpretation
import LinearAlgebra
import Synchronization
import Tensors

/// How far a tensor of a file is from what its growth makes.
///
/// The distance is the whole tensor's, relative to its norm, or a sixteenth of its worst row's, relative
/// to the row's: in 16 bits, where noise goes by digits that rounding may have changed, a row strays
/// further than its tensor, and yet a row that is wrong must not get lost among many right ones.
package struct ReplayedTensor {
  /// Σ (x − y)².
  var difference = 0.0
  /// Σ y².
  var norm = 0.0
  /// The worst row's error.
  var worstRow = 0.0

  /// What counts of a row's error.
  private static let rowShare = 1.0 / 16

  /// Takes in whole rows, y being what should be there.
  ///
  /// - Parameter leastNorm: rows below it are taken for it: numbers below the normal range of the
  ///   file's type have fewer digits.
  mutating func add(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, rows: Range<Int>, length: Int,
    leastNorm: Double
  ) {
    for row in rows {
      var (difference, norm) = (0.0, 0.0)
      for index in row * length..<(row + 1) * length {
        let distance = x[index] - y[index]
        difference += distance * distance
        norm += y[index] * y[index]
      }
      self.difference += difference
      self.norm += norm
      guard difference != 0 else { continue }
      worstRow = worse(worstRow, difference.squareRoot() / max(norm.squareRoot(), leastNorm))
    }
  }

  mutating func add(_ other: Self) {
    difference += other.difference
    norm += other.norm
    worstRow = worse(worstRow, other.worstRow)
  }

  /// The norm below which a row's is taken for this.
  static func leastNorm(length: Int, type: DType) -> Double {
    Double(length).squareRoot()
      * Double(sign: .plus, exponent: type.format?.leastExponent ?? -1022, significand: 1)
  }

  /// The largest error of several tensors.
  static func worst(_ tensors: [ReplayedTensor], names: [String]) -> MeasuredNumber? {
    let whole = largestDifference(
      tensors.map { ($0.difference.squareRoot(), $0.norm.squareRoot()) }, names: names,
      floor: 1e-12)
    let rows = zip(names, tensors).map { MeasuredNumber($1.worstRow * rowShare, $0) }
    return .largest((whole.map { [$0] } ?? []) + rows)
  }

  /// The largest error of tensors in memory.
  package static func worst(
    _ found: [[Double]], against made: [[Double]], specs: [(name: String, shape: Shape)],
    type: DType
  ) -> MeasuredNumber? {
    let tensors = zip(specs, zip(found, made)).map { spec, values in
      let length = max(1, spec.shape.extents.last ?? 1)
      var tensor = ReplayedTensor()
      values.0.withUnsafeBufferPointer { x in
        values.1.withUnsafeBufferPointer { y in
          guard let x = x.baseAddress, let y = y.baseAddress else { return }
          tensor.add(
            x, y, rows: 0..<values.1.count / length, length: length,
            leastNorm: leastNorm(length: length, type: type))
        }
      }
      return tensor
    }
    return worst(tensors, names: specs.map(\.name))
  }
}

/// Compares the values of a grown model's files with those that its growth makes in float64, as far as
/// they are computed with.
final class ReplayComparison: Sendable {
  private let files: StoredParameters<Double>
  private let tensors: Mutex<[ReplayedTensor]>

  init(_ files: StoredParameters<Double>) {
    self.files = files
    tensors = Mutex(Array(repeating: ReplayedTensor(), count: files.specs.count))
  }

  /// Takes in whole rows of a parameter as the growth makes them.
  ///
  /// - Throws: as reading the files does.
  func add(
    _ elements: Range<Int>, of parameter: Int, made: UnsafePointer<Double>,
    _ arithmetic: MatrixArithmetic
  ) throws {
    let read = UnsafeMutablePointer<Double>.allocate(capacity: elements.count)
    defer { read.deallocate() }
    read.initialize(repeating: 0, count: elements.count)
    try files.read(parameter, elements, into: read, arithmetic)
    let length = max(1, files.specs[parameter].shape.extents.last ?? 1)
    let leastNorm = ReplayedTensor.leastNorm(
      length: length, type: try files.type(of: parameter))
    // Sums of equal pieces in their order: the same whichever thread makes them.
    let (rows, piece) = (elements.count / length, max(1, (1 << 14) / length))
    let count = (rows + piece - 1) / piece
    let parts = Mutex(Array(repeating: ReplayedTensor(), count: count))
    arithmetic.split(count, cost: 4 * piece * length) { pieces in
      for index in pieces {
        var part = ReplayedTensor()
        part.add(
          read, made, rows: index * piece..<min((index + 1) * piece, rows), length: length,
          leastNorm: leastNorm)
        parts.withLock { [part] in $0[index] = part }
      }
    }
    let total = parts.withLock { $0.reduce(into: ReplayedTensor()) { $0.add($1) } }
    tensors.withLock { $0[parameter].add(total) }
  }

  /// The largest error of any parameter.
  var error: MeasuredNumber? {
    ReplayedTensor.worst(tensors.withLock { $0 }, names: files.specs.map(\.name))
  }
}
