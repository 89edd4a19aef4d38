// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// What an arm saves against a frontier, and what of that chance could explain.
public struct Saving: Sendable, Hashable {
  /// 1 − the arm's cost / the frontier's cost of the arm's loss.
  public var atEqualLoss: Double
  /// Where ``atEqualLoss`` lies with the confidence; nil where no arm has two seeds.
  public var interval: ClosedRange<Double>?
  /// The lowest and the highest over the arm's seeds.
  public var seeds: ClosedRange<Double>
  /// The arm's loss / the frontier's loss at the arm's cost − 1; below 0 is better.
  public var lossAtEqualCost: Double
  /// Whether the frontier's cost of the loss lies beyond what was measured.
  public var isExtrapolated: Bool

  /// Compares an arm's losses with a frontier.
  ///
  /// The interval counts the seeds of the arm and those of the two lengths that its loss lies between:
  /// with w their weights and n their seeds, the variance of the frontier's log cost is σ² (1/n + Σ w²/n) /
  /// slope², σ the spread of log losses over seeds that all arms of the bed share.
  ///
  /// - Parameters:
  ///   - losses: the arm's final losses, one for each seed; at least one.
  ///   - cost: the arm's cost, in the frontier's unit.
  ///   - spread: of log losses over seeds; nil where it is not known.
  /// - Returns: nil where the frontier says nothing.
  public init?(
    losses: [Double], cost: Double, against frontier: Frontier, spread: SeedSpread?,
    confidence: Double = 0.95
  ) {
    let logs = losses.map { log($0) }
    guard let mean = logs.isEmpty ? nil : logs.reduce(0, +) / Double(logs.count),
      let place = frontier.place(atLogLoss: mean), let level = frontier.place(atCost: cost)
    else { return nil }
    func saving(_ place: Frontier.Place) -> Double { -expm1(log(cost) - place.logCost) }
    atEqualLoss = saving(place)
    lossAtEqualCost = expm1(mean - level.logLoss)
    isExtrapolated = place.isExtrapolated
    let single = logs.compactMap { frontier.place(atLogLoss: $0).map(saving) }
    seeds = (single.min() ?? atEqualLoss)...(single.max() ?? atEqualLoss)
    interval = spread.map { spread in
      let parts = place.weights.map { $0.weight * $0.weight / Double($0.point.seedCount) }
      let error =
        spread.deviation * (1 / Double(logs.count) + parts.reduce(0, +)).squareRoot()
        / abs(place.slope)
      let half = spread.quantile(confidence) * error
      return -expm1(log(cost) - place.logCost + half) ... -expm1(log(cost) - place.logCost - half)
    }
  }
}

/// How far log losses of one arm scatter over seeds, pooled over all arms of a bed.
public struct SeedSpread: Sendable, Hashable {
  /// The standard deviation.
  public let deviation: Double
  /// Its degrees of freedom.
  public let degrees: Int

  /// Pools the deviations from each group's mean.
  ///
  /// - Parameter groups: the losses of each arm's seeds.
  /// - Returns: nil where no group has two.
  public init?(_ groups: [[Double]]) {
    let logs = groups.filter { $0.count > 1 }.map { $0.map { log($0) } }
    degrees = logs.reduce(0) { $0 + $1.count - 1 }
    guard degrees > 0 else { return nil }
    let squares = logs.reduce(0.0) { sum, group in
      let mean = group.reduce(0, +) / Double(group.count)
      return sum + group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    deviation = (squares / Double(degrees)).squareRoot()
  }

  /// Student's t, two-sided.
  func quantile(_ confidence: Double) -> Double {
    StudentDistribution.twoSidedQuantile(confidence: confidence, degrees: Double(degrees))
  }
}
