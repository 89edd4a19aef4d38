// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Testing

@Suite struct CurvePlanTests {
  /// What must be found in the published curves.
  struct Expected: Sendable {
    var small: String
    var growth: PublishedGrowth
    var preGrowth: Int
    var preGrowthLoss: Double
    var target: Int
    var savingPercent: Double
    var ratio: Double
  }

  @Test(
    .enabled(
      if: PublishedCurves.areThere, "the published curves are not at ../shared/data/curves"),
    arguments: [
      Expected(
        small: "base-half-depth", growth: .depth, preGrowth: 2949, preGrowthLoss: 3.850,
        target: 2149, savingPercent: 13.2, ratio: 1.372),
      Expected(
        small: "base-half-width", growth: .width, preGrowth: 3799, preGrowthLoss: 3.873,
        target: 2049, savingPercent: 21.6, ratio: 1.854),
    ])
  func publishedCurves(expected: Expected) throws {
    let plan = try CurvePlan(
      from: PublishedCurves.curve(expected.small), to: PublishedCurves.curve("base"),
      growthThreshold: expected.growth.threshold)
    #expect(plan.preGrowth.point.step == expected.preGrowth)
    #expect(abs(plan.preGrowth.point.loss - expected.preGrowthLoss) < 0.0005)
    #expect(plan.growthTarget.step == expected.target)
    #expect(plan.optimality.point.step == 5099)
    #expect(abs(plan.optimality.point.loss - 3.510) < 0.0005)
    #expect((1000 * plan.saving).rounded() / 10 == expected.savingPercent)
    #expect((1000 * plan.growthRatio).rounded() / 1000 == expected.ratio)
    #expect(abs(plan.stagedFLOPs / plan.scratchFLOPs - (1 - plan.saving)) < 1e-12)
    #expect(plan.computeCount == .sixN)
  }

  /// The robust detector with the law's own thresholds, on the same curves: the measured ρ is near
  /// the law's, and growing saves as much as the law says or more.
  @Test(
    .enabled(
      if: PublishedCurves.areThere, "the published curves are not at ../shared/data/curves"),
    arguments: [("base-half-depth", 2.0), ("base-half-width", 4.0)])
  func publishedCurvesByTheLawsThresholds(small: String, sizeRatio: Double) throws {
    let law = ScalingLaw.kaplan
    let growth = try #require(law.bestGrowth(from: 84.9e6 / sizeRatio, to: 84.9e6))
    let plan = try CurvePlan(
      from: PublishedCurves.curve(small), to: PublishedCurves.curve("base"),
      growthThreshold: growth.slope, optimalityThreshold: law.optimalitySlope(parameters: 84.9e6),
      method: .robust)
    #expect(abs(plan.growthRatio / law.growthRatio(costRatio: sizeRatio) - 1) < 0.2)
    let saving = try #require(law.twoStageSaving(sizeRatio: sizeRatio, to: 84.9e6))
    #expect(plan.saving > saving && plan.saving < saving + 0.06)
  }

  /// A curve of the law without noise.
  private func curve(
    _ name: String, parameters: Double, steps: Int, law: ScalingLaw = .kaplan
  ) throws -> LossCurve {
    try LossCurve(
      name: name, parameterCount: parameters, computeCount: .sixN,
      points: (1...steps).map { index in
        let step = 50 * index
        return LossCurve.Point(
          step: step, tokens: 1e5 * Double(step), flops: 6e5 * parameters * Double(step),
          loss: law.loss(parameters: parameters, steps: Double(step)))
      })
  }

  @Test(arguments: SlopeDetectorConfiguration.Method.allCases)
  func curvesOfTheLaw(method: SlopeDetectorConfiguration.Method) throws {
    let law = ScalingLaw.kaplan
    let growth = try #require(law.bestGrowth(from: 2e7, to: 8e7))
    let plan = try CurvePlan(
      from: curve("small", parameters: 2e7, steps: 2000),
      to: curve("large", parameters: 8e7, steps: 2000), growthThreshold: growth.slope,
      optimalityThreshold: law.optimalitySlope(parameters: 8e7), method: method)
    // The law's own saving, but for the distance of the points.
    let saving = try #require(law.twoStageSaving(sizeRatio: 4, to: 8e7))
    #expect(abs(plan.saving - saving) < 0.01)
    #expect(abs(plan.growthRatio / law.growthRatio(costRatio: 4) - 1) < 0.03)
  }

  /// A small model whose slope rises above −0.3 at step 700, where its loss is 4.0, and a large one that
  /// has 4.01 at step 300 and 3.7 at step 400.
  private func coarseCurves() throws -> (small: LossCurve, large: LossCurve) {
    func curve(_ name: String, parameters: Double, _ losses: [Double]) throws -> LossCurve {
      try LossCurve(
        name: name, parameterCount: parameters, computeCount: .sixN,
        points: losses.enumerated().map { index, loss in
          let step = 100 * (index + 1)
          return LossCurve.Point(
            step: step, tokens: 1e5 * Double(step), flops: 6e5 * parameters * Double(step),
            loss: loss)
        })
    }
    return (
      try curve("small", parameters: 2e7, [9, 7.4, 6.2, 5.3, 4.7, 4.25, 4.0, 3.95, 3.93, 3.92]),
      try curve(
        "large", parameters: 8e7, [7.5, 5.2, 4.01, 3.7, 3.5, 3.42, 3.38, 3.36, 3.35, 3.345])
    )
  }

  @Test("the literal method goes on at the nearest loss, the robust one where it was reached")
  func nearestLoss() throws {
    let (small, large) = try coarseCurves()
    let plan = try CurvePlan(
      from: small, to: large, growthThreshold: -0.3, optimalityThreshold: -0.1)
    #expect(plan.preGrowth.point.step == 700 && plan.preGrowth.point.loss == 4.0)
    // 4.01 at step 300 lies nearer than 3.7 at step 400, the first that reaches 4.0.
    #expect(plan.growthTarget.step == 300)
    #expect(large.firstPoint(reaching: 4.0)?.step == 400)
    // Two equally near: the first.
    #expect(large.nearestPoint(to: 3.6)?.step == 400)
    // A curve that ends just above is near enough, one that ends far above is not.
    #expect(large.nearestPoint(to: 3.342)?.step == 1000)
    #expect(large.nearestPoint(to: 3.3) == nil)
  }

  @Test func mistakesAreNamed() throws {
    let small = try curve("small", parameters: 2e7, steps: 400)
    let large = try curve("large", parameters: 8e7, steps: 2000)
    func message(_ body: () throws -> CurvePlan) -> String {
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(
      message { try CurvePlan(from: large, to: small, growthThreshold: -0.05) }
        .hasPrefix("large: 80000000 parameters grow to 20000000; expected the smaller"))
    #expect(
      message { try CurvePlan(from: small, to: large, growthThreshold: -1e-3) }
        .hasPrefix("small: the slope never rises above -0.001"))
    #expect(
      message { try CurvePlan(from: small, to: large, growthThreshold: 0.1) }
        .hasPrefix("slope.threshold: 0.1; expected a negative slope"))
    let short = try curve("short", parameters: 8e7, steps: 6)
    #expect(
      message {
        try CurvePlan(
          from: small, to: short, growthThreshold: -0.08, optimalityThreshold: -0.6)
      }.hasPrefix("short: never reaches the loss"))
  }
}
