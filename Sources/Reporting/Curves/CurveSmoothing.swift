// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Fewer and calmer points from many noisy ones.
public enum CurveSmoothing {
  /// The mean of a group of points, and how far they reach.
  public struct Bin: Sendable, Hashable {
    /// The mean along both axes.
    public var point: Chart.Point
    /// From the lowest to the highest value.
    public var range: ClosedRange<Double>
    /// Points in it.
    public var count: Int
  }

  /// Means of the points in bins of equal length along the scale; empty bins are left out, and so
  /// are points that the scale cannot show.
  public static func binned(
    _ points: [Chart.Point], scale: AxisScale, count: Int
  ) -> [Bin] {
    // So far from the largest number that no sum of logged values goes beyond it.
    let most = 1e290
    let shown = points.filter { scale.shows($0.x) && $0.y.isFinite }
      .map { Chart.Point($0.x, min(max($0.y, -most), most)) }
    let places = shown.map { scale.forward($0.x) }
    guard let low = places.min(), let high = places.max() else { return [] }
    let count = max(1, count)
    let width = (high - low) / Double(count)
    var bins: [Int: (x: Double, y: Double, range: ClosedRange<Double>, count: Int)] = [:]
    for (point, place) in zip(shown, places) {
      let index = width > 0 ? min(count - 1, Int(bounding: (place - low) / width)) : 0
      guard let bin = bins[index] else {
        bins[index] = (place, point.y, point.y...point.y, 1)
        continue
      }
      bins[index] = (
        bin.x + place, bin.y + point.y,
        min(bin.range.lowerBound, point.y)...max(bin.range.upperBound, point.y), bin.count + 1
      )
    }
    return bins.sorted { $0.key < $1.key }.map { _, bin in
      let n = Double(bin.count)
      return Bin(
        point: Chart.Point(scale.backward(bin.x / n), bin.y / n), range: bin.range,
        count: bin.count)
    }
  }

  /// Means over up to `reach` neighbours on either side, fewer towards the ends, so that the first
  /// drop is not delayed.
  public static func centredMean(_ values: [Double], reach: Int) -> [Double] {
    var sums = [0.0]
    sums.reserveCapacity(values.count + 1)
    for value in values { sums.append((sums.last ?? 0) + value) }
    return values.indices.map { index in
      let side = min(max(0, reach), index, values.count - 1 - index)
      return (sums[index + side + 1] - sums[index - side]) / Double(2 * side + 1)
    }
  }
}
