// SPDX-License-Identifier: Apache-2.0

/// The paper's practical schedule between two measured curves: train the small model until its slope
/// rises above τ, go on with the large one where that had the same loss, and stop where the large
/// one's slope rises above τ_opt (Shen et al., arXiv 2203.06211, section 4).
public struct CurvePlan: Sendable, Hashable, Codable {
  /// Which slope detector found the points.
  public var method: SlopeDetectorConfiguration.Method
  /// How operations were counted.
  public var computeCount: ComputeCount
  /// Where the small model is grown.
  public var preGrowth: SlopeCrossing
  /// Where the large model, trained from scratch, had the loss nearest to it, by the literal method;
  /// by the robust one, where it first came to it.
  public var growthTarget: LossCurve.Point
  /// Where the large model, trained from scratch, is to be stopped.
  public var optimality: SlopeCrossing

  /// S₁ / S₂, the measured ρ.
  public var growthRatio: Double { Double(preGrowth.point.step) / Double(growthTarget.step) }

  /// The share of the from-scratch compute to optimality that growing saves: (C of the large model
  /// at the growth target − C of the small one at the pre-growth point) / C at optimality.
  public var saving: Double {
    (growthTarget.flops - preGrowth.point.flops) / optimality.point.flops
  }

  /// Operations of the large model from scratch to optimality.
  public var scratchFLOPs: Double { optimality.point.flops }
  /// Operations of the staged run to the same loss.
  public var stagedFLOPs: Double { scratchFLOPs * (1 - saving) }

  /// Finds the schedule.
  ///
  /// - Parameters:
  ///   - small: the small model's curve.
  ///   - large: the large model's.
  ///   - growthThreshold: τ, the small model's slope at which to grow.
  ///   - optimalityThreshold: τ_opt, the large model's slope at which to stop.
  ///   - method: the detector.
  /// - Throws: ``PlanningError`` that names the curve that is too short or out of place.
  public init(
    from small: LossCurve, to large: LossCurve, growthThreshold: Double,
    optimalityThreshold: Double = PublishedGrowth.optimalityThreshold,
    method: SlopeDetectorConfiguration.Method = .literal
  ) throws {
    guard small.parameterCount < large.parameterCount else {
      throw PlanningError(
        .invalidValue,
        "\(PlanningError.text(small.parameterCount)) parameters grow to "
          + "\(PlanningError.text(large.parameterCount)); expected the smaller model first",
        subject: small.name)
    }
    guard small.computeCount == large.computeCount else {
      throw PlanningError(
        .invalidValue,
        "counts operations as \(large.computeCount.rawValue), and \(small.name) as "
          + "\(small.computeCount.rawValue); give both in the same way", subject: large.name)
    }
    preGrowth = try Self.crossing(of: small, growthThreshold, method)
    optimality = try Self.crossing(of: large, optimalityThreshold, method)
    growthTarget = try Self.target(of: preGrowth.point, in: large, method)
    self.method = method
    computeCount = small.computeCount
    guard growthTarget.step <= optimality.point.step else {
      throw PlanningError(
        .unreachableGoal,
        "reaches the small model's loss at step \(growthTarget.step), after its own optimality at "
          + "\(optimality.point.step); grow earlier, with a lower threshold", subject: large.name)
    }
  }

  private static func crossing(
    of curve: LossCurve, _ threshold: Double, _ method: SlopeDetectorConfiguration.Method
  ) throws -> SlopeCrossing {
    // Also for the literal method: it checks the threshold.
    var detector = try SlopeDetector(
      SlopeDetectorConfiguration(threshold: threshold, method: method))
    let found =
      method == .literal
      ? try LiteralSlopeDetector.crossing(of: curve, threshold: threshold)
      : detector.crossing(of: curve)
    guard let found else {
      throw PlanningError(
        .insufficientData,
        "the slope never rises above \(threshold); train longer, or choose a lower threshold",
        subject: curve.name)
    }
    return found
  }

  private static func target(
    of point: LossCurve.Point, in large: LossCurve, _ method: SlopeDetectorConfiguration.Method
  ) throws -> LossCurve.Point {
    let target =
      method == .literal
      ? large.nearestPoint(to: point.loss) : large.firstPoint(reaching: point.loss)
    guard let target else {
      throw PlanningError(
        .insufficientData,
        "never reaches the loss \(point.loss) at which the small model would be grown; train longer",
        subject: large.name)
    }
    return target
  }
}
