// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A loss curve as a falling line in log-log space, to read either way: the amount at which a loss
/// was reached, or the loss at an amount.
///
/// Noise makes measured curves rise here and there, so that a loss would be reached several times.
/// The points are replaced by the falling sequence nearest to them in least squares of log loss
/// (isotonic regression by pooling adjacent violators: Ayer et al. 1955), each pool standing at the
/// mean of its log amounts, and joined by straight lines.
public struct MonotoneCurve: Sendable, Hashable {
  /// log10 of the amounts, rising.
  private let logAmounts: [Double]
  /// log10 of the losses, never rising.
  private let logLosses: [Double]

  /// Fits the curve.
  ///
  /// - Parameter points: amount and loss in any order; those that are not positive and finite are
  ///   left out.
  /// - Returns: nil where no point is left.
  public init?(_ points: some Sequence<Chart.Point>) {
    let logs = points.filter { $0.x > 0 && $0.y > 0 && $0.x.isFinite && $0.y.isFinite }
      .map { (x: log10($0.x), y: log10($0.y)) }.sorted { $0.x < $1.x }
    guard let first = logs.first, let last = logs.last else { return nil }
    var pools: [Pool] = []
    for (x, y) in logs {
      pools.append(Pool(x: x, y: y, count: 1))
      while pools.count > 1, pools[pools.count - 2].isBelow(pools[pools.count - 1]) {
        let upper = pools.removeLast()
        pools[pools.count - 1].absorb(upper)
      }
    }
    var knots = pools.map { (x: $0.x / $0.count, y: $0.y / $0.count) }
    // The ends of the curve are those of the points, also where several were pooled.
    if let front = knots.first, front.x > first.x { knots.insert((first.x, front.y), at: 0) }
    if let back = knots.last, back.x < last.x { knots.append((last.x, back.y)) }
    logAmounts = knots.map(\.x)
    logLosses = knots.map(\.y)
  }

  /// Neighbouring points of one height: sums of their logarithms.
  private struct Pool {
    var x: Double
    var y: Double
    var count: Double

    /// Whether the next pool lies higher, or stands at the same amount, so that the two are one.
    func isBelow(_ next: Pool) -> Bool {
      next.y / next.count > y / count || next.x / next.count <= x / count
    }

    mutating func absorb(_ next: Pool) {
      x += next.x
      y += next.y
      count += next.count
    }
  }

  /// The amounts that the curve spans.
  public var amounts: ClosedRange<Double> {
    pow(10, logAmounts[0])...pow(10, max(logAmounts[0], logAmounts[logAmounts.count - 1]))
  }

  /// The losses that the curve spans.
  public var losses: ClosedRange<Double> {
    let (low, high) = (logLosses[logLosses.count - 1], logLosses[0])
    return pow(10, low)...pow(10, max(low, high))
  }

  /// The amount at which a loss was first reached; nil beyond the curve.
  public func amount(atLoss loss: Double) -> Double? {
    guard loss > 0, loss.isFinite else { return nil }
    let y = log10(loss)
    // An end that the caller read off this very curve is on it, in spite of rounding.
    guard y <= logLosses[0] + 1e-12, let last = logLosses.last, y >= last - 1e-12 else {
      return nil
    }
    guard let upper = logLosses.firstIndex(where: { $0 <= y + 1e-12 }), upper > 0 else {
      return pow(10, logAmounts[0])
    }
    let (y0, y1) = (logLosses[upper - 1], logLosses[upper])
    let share = min(1, (y - y0) / (y1 - y0))
    return pow(10, logAmounts[upper - 1] + share * (logAmounts[upper] - logAmounts[upper - 1]))
  }

  /// The loss at an amount; nil beyond the curve.
  public func loss(atAmount amount: Double) -> Double? {
    guard amount > 0, amount.isFinite else { return nil }
    let x = log10(amount)
    guard x >= logAmounts[0] - 1e-12, let last = logAmounts.last, x <= last + 1e-12 else {
      return nil
    }
    guard let upper = logAmounts.firstIndex(where: { $0 >= x - 1e-12 }), upper > 0 else {
      return pow(10, logLosses[0])
    }
    let (x0, x1) = (logAmounts[upper - 1], logAmounts[upper])
    let share = min(1, (x - x0) / (x1 - x0))
    return pow(10, logLosses[upper - 1] + share * (logLosses[upper] - logLosses[upper - 1]))
  }
}
