// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Fits L(N, S) to the curves of models of several sizes, all trained with one batch.
public struct LawFitter: Sendable, Hashable {
  /// Whether the law has an irreducible loss, which takes three sizes at least.
  public var hasIrreducibleLoss: Bool
  /// Measurements before this step are left out, since the learning rate still warms up.
  public var firstStep: Int
  /// The most points of a curve; more are thinned evenly in log S.
  public var pointsPerCurve: Int
  /// Draws of the bootstrap.
  public var draws: Int
  /// The confidence of intervals, between 0 and 1.
  public var confidence: Double
  /// The seed of the bootstrap.
  public var seed: UInt64

  /// Makes a fitter.
  public init(
    hasIrreducibleLoss: Bool = false, firstStep: Int = 1, pointsPerCurve: Int = 60,
    draws: Int = 200, confidence: Double = 0.9, seed: UInt64 = 0
  ) {
    self.hasIrreducibleLoss = hasIrreducibleLoss
    self.firstStep = firstStep
    self.pointsPerCurve = pointsPerCurve
    self.draws = draws
    self.confidence = confidence
    self.seed = seed
  }

  /// Fits by robust least squares in log L, and draws the bootstrap.
  ///
  /// - Throws: ``PlanningError`` where sizes or points are too few, or batches differ.
  public func fit(_ curves: [LossCurve]) throws -> LawFit {
    try validate()
    let tokensPerStep = try commonBatch(curves)
    let thinned = try curves.map(thinned)
    let model = try model(curves, thinned)
    let samples = thinned.enumerated().flatMap { run, points in
      points.map { point in
        LawModel.Sample(
          n: log(curves[run].parameterCount) - model.meanLogSize,
          s: log(Double(point.step)) - model.meanLogStep, y: log(point.loss), run: run)
      }
    }
    let best = try Self.best(model, samples)
    let residuals = LevenbergMarquardt(model: model, samples: samples).residuals(best)
    let sizes = curves.map(\.parameterCount)
    return LawFit(
      law: model.law(best),
      draws: draw(model, samples: samples, best: best, residuals: residuals, runs: curves.count),
      confidence: confidence,
      relativeError: (residuals.reduce(0) { $0 + $1 * $1 } / Double(samples.count)).squareRoot(),
      pointCount: samples.count, tokensPerStep: tokensPerStep,
      sizes: LawFit.Interval(low: sizes.min() ?? .nan, high: sizes.max() ?? .nan),
      curves: curves.map(\.name))
  }

  private func validate() throws {
    try PlanningError.checkValue((1...100_000).contains(draws), "fit.draws") {
      "\(draws); expected 1 to 100000"
    }
    try PlanningError.checkValue(confidence > 0 && confidence < 1, "fit.confidence") {
      "\(confidence); expected a share between 0 and 1"
    }
    try PlanningError.checkValue(pointsPerCurve >= 3, "fit.pointsPerCurve") {
      "\(pointsPerCurve); expected at least 3"
    }
  }

  /// S means nothing across batches of different sizes.
  private func commonBatch(_ curves: [LossCurve]) throws -> Double {
    let batches = curves.compactMap { curve in
      curve.points.last.map { $0.tokens / Double($0.step) }
    }
    let first = batches.first ?? .nan
    guard let other = batches.firstIndex(where: { abs($0 / first - 1) > 0.1 }) else { return first }
    throw PlanningError(
      .insufficientData,
      "trains on \(batches[other]) tokens a step, and \(curves[0].name) on \(first); a fit "
        + "needs curves of one batch size", subject: curves[other].name)
  }

  /// The points of a curve from the first step on, evenly in log S where they are too many.
  private func thinned(_ curve: LossCurve) throws -> [LossCurve.Point] {
    let points = curve.points.filter { $0.step >= firstStep }
    guard points.count >= 3, let first = points.first, let last = points.last else {
      throw PlanningError(
        .insufficientData,
        "has \(counted(points.count, "point")) from step \(firstStep) on; a fit needs at least 3 of each curve",
        subject: curve.name)
    }
    guard points.count > pointsPerCurve else { return points }
    let low = log(Double(first.step))
    let range = log(Double(last.step)) - low
    var kept: [LossCurve.Point] = []
    for point in points {
      let place = (log(Double(point.step)) - low) / range * Double(pointsPerCurve - 1)
      if place >= Double(kept.count) { kept.append(point) }
    }
    return kept
  }

  private func model(_ curves: [LossCurve], _ points: [[LossCurve.Point]]) throws -> LawModel {
    let sizes = Set(curves.map(\.parameterCount))
    let needed = hasIrreducibleLoss ? 3 : 2
    guard sizes.count >= needed else {
      throw PlanningError(
        .insufficientData,
        "\(sizes.count == 1 ? "1 model size" : "\(sizes.count) model sizes"); a law \(hasIrreducibleLoss ? "with" : "without") an irreducible "
          + "loss needs curves of at least \(needed)", subject: "fit")
    }
    let logSteps = points.flatMap { $0 }.map { log(Double($0.step)) }
    return LawModel(
      hasIrreducibleLoss: hasIrreducibleLoss,
      meanLogSize: curves.reduce(0) { $0 + log($1.parameterCount) } / Double(curves.count),
      meanLogStep: logSteps.reduce(0, +) / Double(logSteps.count))
  }

  private static func best(_ model: LawModel, _ samples: [LawModel.Sample]) throws -> [Double] {
    let losses = samples.map { exp($0.y) }
    let mean = losses.reduce(0, +) / Double(losses.count)
    let solver = LevenbergMarquardt(model: model, samples: samples)
    let solutions = model.starts(lowest: losses.min() ?? mean, mean: mean)
      .map { solver.solve(from: $0) }.filter { $0.cost.isFinite }
    guard let best = solutions.min(by: { $0.cost < $1.cost }), model.allows(best.parameters) else {
      throw PlanningError(
        .insufficientData,
        "no law fits the curves; leave out what came before the learning rate's warm-up was over",
        subject: "fit")
    }
    return best.parameters
  }

  private func draw(
    _ model: LawModel, samples: [LawModel.Sample], best: [Double], residuals: [Double],
    runs: Int
  ) -> [ScalingLaw] {
    let bootstrap = ResidualBootstrap(
      samples: samples, residuals: residuals, runCount: runs,
      parameterCount: model.parameterCount, sizeParameters: hasIrreducibleLoss ? 3 : 2)
    return (0..<draws).map { draw in
      var random = RandomStream(seed: seed, stream: UInt64(draw))
      var other = samples
      for (index, value) in bootstrap.draw(&random).enumerated() { other[index].y = value }
      let solver = LevenbergMarquardt(model: model, samples: other)
      return model.law(solver.solve(from: best, robustRounds: 2).parameters)
    }
  }
}
