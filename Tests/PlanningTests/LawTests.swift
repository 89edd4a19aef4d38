// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Testing

/// The closed forms and the numbers that are published for them.
@Suite struct LawTests {
  private let law = ScalingLaw.kaplan

  private func rounded(_ value: Double, _ digits: Int) -> Double {
    let scale = pow(10, Double(digits))
    return (value * scale).rounded() / scale
  }

  @Test(arguments: [(2.0, 1.483, 9.8), (4, 2.198, 13.7), (8, 3.259, 14.7)])
  func twoStagesAtConstantBatch(ratio: Double, rho: Double, savingPercent: Double) throws {
    #expect(rounded(law.growthRatio(costRatio: ratio), 3) == rho)
    // Independent of the size.
    for size in [1e6, 85e6, 1e12] {
      let saving = try #require(law.twoStageSaving(sizeRatio: ratio, to: size))
      #expect(rounded(100 * saving, 1) == savingPercent)
      let growth = try #require(law.bestGrowth(from: size / ratio, to: size))
      #expect(rounded(growth.smallSteps / growth.largeSteps, 3) == rho)
    }
  }

  @Test func optimality() {
    let slope = law.optimalitySlope(parameters: 85e6)
    #expect(rounded(slope, 4) == -0.0691)
    #expect(rounded(law.optimalityThreshold(), 4) == -0.0520)
    // Above it compute buys more in a larger model, below it in more steps: per unit of compute
    // N · S, the loss is flat between both.
    let steps = law.optimalSteps(parameters: 85e6)
    func loss(_ factor: Double) -> Double {
      law.loss(parameters: 85e6 * factor, steps: steps / factor)
    }
    #expect(loss(1) < loss(1.01) && loss(1) < loss(0.99))
  }

  /// τ = −0.0475 and r = 4 give ρ = 2.717.
  @Test func ratioAtASlope() throws {
    let ratio = try #require(law.growthRatio(slopeAgainstCompute: -0.0475, sizeRatio: 4))
    // By hand: s = 0.0613846 against steps, a share of 0.0807692, (0.187864 / 0.0878661)^(1 / 0.76).
    #expect(abs(ratio - 2.7179) < 1e-4)
    #expect((ratio * 1000).rounded(.down) / 1000 == 2.717)
    #expect(law.growthRatio(slopeAgainstCompute: -0.3, sizeRatio: 4) == nil)
  }

  @Test func slopesAgainstCompute() throws {
    let batch = CriticalBatch.kaplan
    #expect(rounded(batch.slopeAgainstCompute(slopeAgainstSteps: -0.0691), 4) == -0.0520)
    let back = try #require(
      batch.slopeAgainstSteps(
        slopeAgainstCompute: batch.slopeAgainstCompute(slopeAgainstSteps: -0.1)))
    #expect(abs(back + 0.1) < 1e-12)
    #expect(batch.slopeAgainstSteps(slopeAgainstCompute: -0.21) == nil)
  }

  @Test func learningRates() {
    #expect(rounded(LearningRateLaw.kaplan.rate(parameters: 679.5e6), 7) == 0.0020069)
    let natural = LearningRateLaw.kaplan(.natural).rate(parameters: 679.5e6)
    #expect(abs(natural - (0.003239 - 0.0001395 * log(679.5e6))) < 1e-15)
    #expect(natural < 0.0005)
  }

  @Test func criticalBatchAndFrontier() {
    #expect(abs(CriticalBatch.kaplan.tokens(atLoss: 1) - 2.1e8) < 1)
    // 2.1e8 / 3^(1 / 0.21)
    #expect(abs(CriticalBatch.kaplan.tokens(atLoss: 3) / 1.1228e6 - 1) < 1e-3)
    let frontier = ComputeFrontier.kaplan
    #expect(frontier.parameters(flops: 8.64e19) == 1.3e9)
    #expect(abs(frontier.loss(flops: 8.64e19) - pow(2.3e8, 0.05)) < 1e-12)
    #expect(abs(frontier.flops(reaching: frontier.loss(flops: 3e17)) / 3e17 - 1) < 1e-9)
  }

  @Test(arguments: [0.0, 1.2])
  func stepsAndLossAreInverse(irreducible: Double) throws {
    var law = law
    law.irreducibleLoss = irreducible
    let loss = law.loss(parameters: 1e6, steps: 5000)
    let steps = try #require(law.steps(parameters: 1e6, reaching: loss))
    #expect(abs(steps / 5000 - 1) < 1e-9)
    #expect(law.steps(parameters: 1e6, reaching: law.floor(parameters: 1e6)) == nil)
    // The slope against a difference quotient.
    let h = 1e-5
    let quotient =
      (log(law.loss(parameters: 1e6, steps: 5000 * exp(h)))
        - log(law.loss(parameters: 1e6, steps: 5000 * exp(-h)))) / (2 * h)
    #expect(abs(law.slope(parameters: 1e6, steps: 5000) - quotient) < 1e-8)
  }

  @Test func bestGrowthIsBest() throws {
    var law = law
    law.irreducibleLoss = 0.7
    let growth = try #require(law.bestGrowth(from: 1e6, to: 3e6, costRatio: 2.6))
    func cost(_ loss: Double) throws -> Double {
      let small = try #require(law.steps(parameters: 1e6, reaching: loss))
      return small - 2.6 * (try #require(law.steps(parameters: 3e6, reaching: loss)))
    }
    let best = try cost(growth.loss)
    for factor in [0.95, 0.99, 1.01, 1.05] {
      let other = law.floor(parameters: 1e6) + (growth.loss - law.floor(parameters: 1e6)) * factor
      #expect(try cost(other) > best)
    }
  }

  @Test func nothingToGrowInto() {
    #expect(law.bestGrowth(from: 2e6, to: 1e6) == nil)
    #expect(law.bestGrowth(from: 1e6, to: 1e6) == nil)
    #expect(throws: PlanningError.self) {
      try ScalingLaw(sizeExponent: 0, sizeScale: 1, stepExponent: 1, stepScale: 1).validate()
    }
  }
}
