// SPDX-License-Identifier: Apache-2.0
import Growth

/// One measured number and where it was the worst.
public struct MeasuredNumber: Sendable, Hashable, Codable {
  /// The number; what it means is the check's matter.
  public var value: Double
  /// The tensor, step or space with the worst number; nil where there is only one.
  public var subject: String?
  /// Why the number proves nothing of the growth; nil where it does.
  public var doubt: String?

  /// Makes a measurement.
  public init(_ value: Double, _ subject: String? = nil, doubt: String? = nil) {
    self.value = value
    self.subject = subject
    self.doubt = doubt
  }

  /// The same number, which proves nothing where there is a reason.
  func doubted(_ doubt: String?) -> MeasuredNumber {
    MeasuredNumber(value, subject, doubt: doubt)
  }

  /// The worst of several; nil for none.
  ///
  /// A number that is not finite is the worst of all.
  static func largest(_ measurements: some Sequence<MeasuredNumber>) -> MeasuredNumber? {
    measurements.reduce(nil) { worst, next in
      guard let worst, !next.value.isNaN else { return next }
      return worst.value.isNaN || worst.value >= next.value ? worst : next
    }
  }

  /// The smallest of several; nil for none.
  ///
  /// What is no number is the worst of all here too.
  static func smallest(_ measurements: some Sequence<MeasuredNumber>) -> MeasuredNumber? {
    measurements.reduce(nil) { worst, next in
      guard let worst, !next.value.isNaN else { return next }
      return worst.value.isNaN || worst.value <= next.value ? worst : next
    }
  }

  /// The smallest of several that must all be more than a bound; nil for none.
  ///
  /// One that is not, and proves something, is worse than any that proves nothing.
  static func smallest(
    _ measurements: [MeasuredNumber], above bound: VerificationBound
  ) -> MeasuredNumber? {
    let failing = measurements.filter { $0.doubt == nil && !bound.admits($0.value) }
    return smallest(failing.isEmpty ? measurements : failing)
  }
}

/// |x − y| relative to |y|; 0 for the same finite number, and no number for two infinite ones.
func relativeDifference(_ x: Double, _ y: Double) -> Double {
  let difference = abs(x - y)
  return difference == 0 ? 0 : difference / abs(y)
}

/// The larger; what is no number is the worst.
func worse(_ a: Double, _ b: Double) -> Double { a.isNaN || a > b ? a : b }

/// ‖x − y‖ and ‖y‖.
func distance(_ x: [Double], _ y: [Double]) -> (difference: Double, norm: Double) {
  var (difference, norm) = (0.0, 0.0)
  for (a, b) in zip(x, y) {
    difference += (a - b) * (a - b)
    norm += b * b
  }
  return (difference.squareRoot(), norm.squareRoot())
}

/// The largest relative error of any tensor, ‖x − y‖ / ‖y‖.
///
/// Norms below a share of the whole are taken for that share: a tensor without a true gradient, as
/// the keys' biases, holds rounding noise only.
func largestDifference(
  _ x: [[Double]], _ y: [[Double]], names: [String], floor: Double = 1e-4
) -> MeasuredNumber? {
  largestDifference(zip(x, y).map { distance($0, $1) }, names: names, floor: floor)
}

/// The same of known distances and norms.
func largestDifference(
  _ pairs: [(difference: Double, norm: Double)], names: [String], floor: Double
) -> MeasuredNumber? {
  let total = pairs.reduce(0) { $0 + $1.norm * $1.norm }.squareRoot()
  return .largest(
    zip(names, pairs).map { name, pair in
      let scale = max(pair.norm, floor * total)
      return MeasuredNumber(pair.difference == 0 ? 0 : pair.difference / scale, name)
    })
}
