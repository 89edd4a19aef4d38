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
        .hasPrefix("large: 80000000.0 parameters grow to 20000000.0; expected the smaller"))
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
