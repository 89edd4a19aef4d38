// SPDX-License-Identifier: Apache-2.0
import Foundation
import Statistics

/// Says, point by point while a model trains, whether its slope d log L / d log C has risen above a
/// threshold: the moment to grow, or to stop.
///
///     var detector = try SlopeDetector(SlopeDetectorConfiguration(threshold: -0.0475))
///     for evaluation in evaluations {
///       let verdict = detector.observe(flops: evaluation.flops, loss: evaluation.validationLoss)
///       if verdict.hasCrossed { … }
///     }
///
/// The robust method fits a window of the newest points (see ``SlopeDetectorConfiguration``), and
/// counts the slope as crossed once its whole confidence interval lies above the threshold at
/// several points in a row. Compute is that of one model: after a growth, begin a new detector and
/// count from where a model of the new size would stand.
public struct SlopeDetector: Sendable, Hashable, Codable {
  /// How it decides.
  public let configuration: SlopeDetectorConfiguration
  /// What it said last; nil before the first point.
  public private(set) var verdict: SlopeVerdict?

  var literal = LiteralState()
  private var samples: [WindowFit.Sample] = []
  private var firstX: Double?
  private var isArmed = false
  private var confirmations = 0

  /// The most points that are kept; beyond it neighbours are merged to their mean.
  static let mostPoints = 192

  /// Makes a detector that has seen nothing.
  ///
  /// - Throws: ``PlanningError`` where the configuration does not fit.
  public init(_ configuration: SlopeDetectorConfiguration) throws {
    try configuration.validate()
    self.configuration = configuration
  }

  /// Takes a measurement; numbers that are not finite and positive change nothing, nor does compute
  /// that does not rise.
  ///
  /// - Parameters:
  ///   - flops: operations of training so far.
  ///   - loss: validation loss in nats, or a training loss.
  /// - Returns: where the slope stands; once crossed, it stays so.
  @discardableResult
  public mutating func observe(flops: Double, loss: Double) -> SlopeVerdict {
    let last = verdict ?? SlopeVerdict(.gathering, estimate: nil)
    guard flops.isFinite, flops > 0, loss.isFinite, loss > 0, !last.hasCrossed else { return last }
    let next =
      configuration.method == .literal
      ? observeLiterally(flops: flops, loss: loss) : observeRobustly(x: log(flops), y: log(loss))
    verdict = next
    return next
  }

  /// Takes a curve's points up to the crossing.
  ///
  /// - Returns: the point at which the slope counts as crossed; nil where it never does.
  public mutating func crossing(of curve: LossCurve) -> SlopeCrossing? {
    for point in curve.points {
      let verdict = observe(flops: point.flops, loss: point.loss)
      guard verdict.hasCrossed, let estimate = verdict.estimate else { continue }
      return SlopeCrossing(
        point: point, threshold: configuration.threshold, slope: estimate.slope)
    }
    return nil
  }

  private mutating func observeRobustly(x: Double, y: Double) -> SlopeVerdict {
    if let newest = samples.last, x <= newest.x {
      return verdict ?? SlopeVerdict(.gathering, estimate: nil)
    }
    keep(WindowFit.Sample(x: x, y: y, count: 1))
    guard let estimate = estimate() else { return SlopeVerdict(.gathering, estimate: nil) }
    return SlopeVerdict(decide(estimate), estimate: estimate)
  }

  private mutating func keep(_ sample: WindowFit.Sample) {
    let width = configuration.windowDecades * log(10)
    firstX = firstX ?? sample.x
    samples.append(sample)
    samples.removeAll { $0.x < sample.x - width }
    guard samples.count > Self.mostPoints else { return }
    samples = stride(from: 0, to: samples.count, by: 2).map { index in
      index + 1 < samples.count ? samples[index].mean(with: samples[index + 1]) : samples[index]
    }
  }

  private func estimate() -> SlopeEstimate? {
    guard samples.count >= configuration.fewestPoints,
      let fit = WindowFit(
        samples, width: configuration.windowDecades * log(10),
        curvature: configuration.curvature)
    else { return nil }
    let reach =
      fit.standardError
      * StudentDistribution.twoSidedQuantile(
        confidence: configuration.confidence, degrees: max(1, fit.degreesOfFreedom))
    guard fit.slope.isFinite, reach.isFinite else { return nil }
    return SlopeEstimate(slope: fit.slope, low: fit.slope - reach, high: fit.slope + reach)
  }

  private mutating func decide(_ estimate: SlopeEstimate) -> SlopeVerdict.Kind {
    let threshold = configuration.threshold
    let decades = ((samples.last?.x ?? 0) - (firstX ?? 0)) / log(10)
    if estimate.high < threshold || decades >= configuration.armingDecades { isArmed = true }
    guard estimate.low > threshold, isArmed else {
      confirmations = 0
      return estimate.high < threshold ? .steep : .undecided
    }
    // Wrapping, since it may come from a file.
    confirmations = min(confirmations, configuration.persistence) &+ 1
    return confirmations >= configuration.persistence ? .crossed : .confirming
  }
}

extension WindowFit.Sample {
  /// The mean of both samples' measurements.
  func mean(with other: Self) -> Self {
    let total = count + other.count
    return Self(
      x: (x * count + other.x * other.count) / total,
      y: (y * count + other.y * other.count) / total, count: total)
  }
}
