// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// The slope detector of the staged-training paper, to the letter (Shen et al., arXiv 2203.06211,
/// with their code): the reference for published tables, made for a whole, clean curve.
///
/// A point whose loss exceeds the last kept one by more than 1 % is dropped as a spike. With
/// x = log10 C and y = log10 L smoothed by a centred mean of 5 (edges mirrored), slopes are
/// differences of neighbours. The search begins at the most negative one; the first slope above the
/// threshold is the point. On noisy curves it fires early; ``SlopeDetector`` is made for those.
public enum LiteralSlopeDetector {
  /// A rise of the loss by more than this share is a spike.
  public static let spikeShare = 0.01
  /// Points of the centred mean.
  public static let meanWidth = 5

  /// Where a curve's slope rises above a threshold.
  ///
  /// - Parameter threshold: τ, a slope d log10 L / d log10 C, below 0.
  /// - Returns: nil where it never does.
  /// - Throws: ``PlanningError`` where the curve has too few points to smooth.
  public static func crossing(of curve: LossCurve, threshold: Double) throws -> SlopeCrossing? {
    let points = withoutSpikes(curve.points)
    guard points.count >= meanWidth else {
      throw PlanningError(
        .insufficientData,
        "has \(counted(points.count, "point")) without spikes; the slope needs at least \(meanWidth)",
        subject: curve.name)
    }
    let slopes = slopes(points)
    guard let steepest = slopes.indices.min(by: { slopes[$0] < slopes[$1] }) else { return nil }
    guard let index = slopes[steepest...].firstIndex(where: { $0 > threshold }) else { return nil }
    return SlopeCrossing(point: points[index], threshold: threshold, slope: slopes[index])
  }

  static func withoutSpikes(_ points: [LossCurve.Point]) -> [LossCurve.Point] {
    var kept: [LossCurve.Point] = []
    for point in points {
      if let last = kept.last, point.loss > last.loss * (1 + spikeShare) { continue }
      kept.append(point)
    }
    return kept
  }

  /// The slope from each point to the next.
  static func slopes(_ points: [LossCurve.Point]) -> [Double] {
    let x: [Double] = points.map { log10($0.flops) }
    let y: [Double] = smoothed(points.map { log10($0.loss) })
    return (1..<x.count).map { index -> Double in
      let rise = y[index] - y[index - 1]
      return rise / (x[index] - x[index - 1])
    }
  }

  private static func smoothed(_ values: [Double]) -> [Double] {
    let reach = meanWidth / 2
    let last = values.count - 1
    return values.indices.map { center in
      var sum = 0.0
      for index in center - reach...center + reach {
        // Mirrored about the first and last value, which themselves stand once.
        sum += values[index < 0 ? -index : index > last ? 2 * last - index : index]
      }
      return sum / Double(meanWidth)
    }
  }
}

/// Where a slope rose above a threshold.
public struct SlopeCrossing: Sendable, Hashable, Codable {
  /// The point, as it was measured.
  public var point: LossCurve.Point
  /// τ.
  public var threshold: Double
  /// The slope there.
  public var slope: Double

  /// Makes a crossing.
  public init(point: LossCurve.Point, threshold: Double, slope: Double) {
    self.point = point
    self.threshold = threshold
    self.slope = slope
  }
}
