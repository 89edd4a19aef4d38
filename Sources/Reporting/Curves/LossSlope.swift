// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The slope of a loss curve in log-log space, d log L / d log C.
///
/// At each point it is the least-squares line through the points within a window of amounts. Near
/// the ends the window is cut, so that the slope there is that of the run's beginning and end.
public struct LossSlope: Sendable, Hashable {
  /// Amounts, and the slope at each.
  public var points: [Chart.Point]

  /// Fits the slopes.
  ///
  /// - Parameters:
  ///   - curve: amount and loss.
  ///   - decades: the window's length to either side, in factors of ten of the amount.
  ///   - least: points that a window must have; one with fewer gives no slope.
  public init(_ curve: [Chart.Point], decades: Double = 0.1, least: Int = 4) {
    let logs = curve.filter { $0.x > 0 && $0.y > 0 && $0.x.isFinite && $0.y.isFinite }
      .map { Chart.Point(log10($0.x), log10($0.y)) }.sorted { $0.x < $1.x }
    var (first, end) = (0, 0)
    points = []
    for point in logs {
      while logs[first].x < point.x - decades { first += 1 }
      while end < logs.count, logs[end].x <= point.x + decades { end += 1 }
      guard end - first >= max(2, least), let slope = Self.slope(logs[first..<end]) else {
        continue
      }
      points.append(Chart.Point(pow(10, point.x), slope))
    }
  }

  /// The slope at the end of the curve; nil where the curve has too few points.
  public var atEnd: Double? { points.last?.y }

  /// The slope of the least-squares line; nil where all points stand at one place.
  private static func slope(_ points: ArraySlice<Chart.Point>) -> Double? {
    let n = Double(points.count)
    let meanX = points.reduce(0) { $0 + $1.x } / n
    let meanY = points.reduce(0) { $0 + $1.y } / n
    let (xx, xy) = points.reduce((0.0, 0.0)) {
      ($0.0 + ($1.x - meanX) * ($1.x - meanX), $0.1 + ($1.x - meanX) * ($1.y - meanY))
    }
    return xx > 1e-18 ? xy / xx : nil
  }
}

/// A slope above which something should be done.
public struct SlopeThreshold: Sendable, Hashable {
  /// What should be done.
  public var name: String
  /// d log L / d log C, below 0.
  public var slope: Double

  /// Makes a threshold.
  public init(_ name: String, _ slope: Double) {
    self.name = name
    self.slope = slope
  }

  /// The thresholds of Shen et al., "Staged Training for Transformer Language Models"
  /// (arXiv 2203.06211), for growth by two and for the optimality of compute.
  public static let published = [
    SlopeThreshold("width and depth", -0.03), SlopeThreshold("width", -0.0475),
    SlopeThreshold("optimality", -0.052), SlopeThreshold("depth", -0.0575),
  ]
}
