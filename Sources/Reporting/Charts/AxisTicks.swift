// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// The round values of an axis.
public struct AxisTicks: Sendable, Hashable {
  /// Values with a label and a line.
  public var major: [Double]
  /// Values with a faint line only.
  public var minor: [Double]
  /// The distance between neighbours of a linear axis; nil on a logarithmic one.
  public var step: Double?

  /// Finds ticks: 1-2-5 steps on a linear axis; decades on a logarithmic one, with 2 and 5 between
  /// them where there is room, and linear steps where it spans less than a decade or so.
  ///
  /// - Parameters:
  ///   - span: what the axis shows.
  ///   - count: about as many labels as there is room for.
  public init(_ span: AxisSpan, count: Int) {
    let count = max(2, min(count, 50))
    guard span.scale == .logarithmic, span.decades > 0.9 else {
      let ticks = Self.linear(span.low, span.high, atLeast: Self.leastStep(span, count))
      (major, minor, step) = (ticks.values, [], ticks.step)
      return
    }
    (major, minor) = Self.logarithmic(span, count: count)
    step = nil
    guard major.count < 2 else { return }
    let ticks = Self.linear(
      span.low, span.high, atLeast: (span.high - span.low) / Double(count))
    (major, step) = (ticks.values, ticks.step)
  }

  /// The shortest step that leaves room for labels: of a logarithmic axis one whose narrowest place,
  /// at the upper end, still has nearly half of the room that equal places would have.
  private static func leastStep(_ span: AxisSpan, _ count: Int) -> Double {
    guard span.scale == .logarithmic else { return (span.high - span.low) / Double(count) }
    return span.high * (1 - pow(10, -span.decades * 0.45 / Double(count)))
  }

  /// Multiples of 1, 2 or 5 times a power of ten: at least two.
  private static func linear(
    _ low: Double, _ high: Double, atLeast raw: Double
  ) -> (values: [Double], step: Double) {
    guard raw.isFinite, raw > 0 else { return ([low], 1) }
    let power = pow(10, Foundation.floor(log10(raw)))
    let steps = [10, 5, 2, 1, 0.5, 0.2, 0.1].map { $0 * power }
    let widest = steps.lastIndex { $0 >= raw * 0.999 } ?? 0
    for step in steps[widest...] {
      let values = multiples(of: step, from: low, to: high)
      if values.count > 1 { return (values, step) }
    }
    return ([low], raw)
  }

  /// The multiples of a step on a span; products of an index and the step, not sums, so that no
  /// error piles up.
  private static func multiples(of step: Double, from low: Double, to high: Double) -> [Double] {
    let first = (low / step - 1e-9).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    guard first <= last, last - first < 1000 else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  private static func logarithmic(
    _ span: AxisSpan, count: Int
  ) -> (major: [Double], minor: [Double]) {
    let first = Int(bounding: log10(span.low).rounded(.down))
    let last = Int(bounding: log10(span.high).rounded(.up))
    let shown = (span.low * (1 - 1e-9))...(span.high * (1 + 1e-9))
    func values(_ factors: [Double], every: Int = 1) -> [Double] {
      var values: [Double] = []
      for decade in first...last where decade % every == 0 {
        for factor in factors where shown.contains(factor * power(decade)) {
          values.append(factor * power(decade))
        }
      }
      return values
    }
    let fine = values([1, 2, 5])
    let decades = values([1])
    if fine.count <= count || decades.count < 2 {
      return (fine, values([3, 4, 6, 7, 8, 9]))
    }
    var every = max(1, (decades.count + count - 1) / count)
    // Of few decades none but one may be a multiple.
    while every > 1, values([1], every: every).count < 2 { every -= 1 }
    let labelled = values([1], every: every)
    guard every == 1 else { return (labelled, decades.filter { !labelled.contains($0) }) }
    return (labelled, span.decades < 8 ? values([2, 3, 4, 5, 6, 7, 8, 9]) : [])
  }

  /// The literal's own double, where pow may be one off.
  private static func power(_ exponent: Int) -> Double {
    Double("1e\(exponent)") ?? pow(10, Double(exponent))
  }
}
