// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Testing

@Suite struct LawFitterTests {
  /// Steps evenly in log S.
  private func steps(_ count: Int, from first: Double = 100, to last: Double = 10_000) -> [Int] {
    (0..<count).map {
      Int((first * pow(last / first, Double($0) / Double(count - 1))).rounded())
    }
  }

  private func curves(
    _ noisy: NoisyCurves, sizes: [Double], points: Int = 25, seed: UInt64
  ) throws -> [LossCurve] {
    var random = GaussianStream(seed: seed)
    return try sizes.map {
      try noisy.curve(parameters: $0, steps: steps(points), random: &random)
    }
  }

  private let sizes = [2e5, 6e5, 2e6, 6e6]

  @Test(arguments: [0.0, 1.5])
  func withoutNoiseTheLawIsFound(irreducible: Double) throws {
    var law = ScalingLaw(
      sizeExponent: 0.2, sizeScale: 4e7, stepExponent: 0.6, stepScale: 300)
    law.irreducibleLoss = irreducible
    let fit = try LawFitter(hasIrreducibleLoss: irreducible > 0, draws: 5).fit(
      curves(NoisyCurves(law: law), sizes: sizes, seed: 0))
    #expect(abs(fit.law.sizeExponent - 0.2) < 1e-4)
    #expect(abs(fit.law.stepExponent - 0.6) < 1e-4)
    #expect(abs(fit.law.sizeScale / 4e7 - 1) < 1e-2)
    #expect(abs(fit.law.stepScale / 300 - 1) < 1e-3)
    #expect(abs(fit.law.irreducibleLoss - irreducible) < 1e-3)
    #expect(fit.relativeError < 1e-6)
    #expect(fit.sizes == LawFit.Interval(low: 2e5, high: 6e6))
    #expect(fit.tokensPerStep == 1e5)
  }

  @Test func whatTheCurvesLeaveOpenIsNamed() throws {
    let noisy = NoisyCurves(law: .kaplan, pointNoise: 0.02)
    var random = GaussianStream(seed: 5)
    // Two nearly equal sizes, measured at the start alone.
    let short = try [1e6, 1.1e6].map {
      try noisy.curve(parameters: $0, steps: [100, 110, 120, 130], random: &random)
    }
    let fit = try LawFitter(draws: 60).fit(short)
    #expect(!fit.undetermined.isEmpty)
    let long = try LawFitter(draws: 60).fit(
      curves(NoisyCurves(law: .kaplan, pointNoise: 0.002), sizes: sizes, seed: 1))
    #expect(long.undetermined.isEmpty)
  }

  /// In 200 draws, intervals of 90 % hold the true exponents as often as a coin that falls on one
  /// side in 90 % does so, within 3.3 standard deviations (1 in 1000).
  ///
  /// Where neighbouring points resemble each other or some stick out, intervals may be too wide, but
  /// not too narrow.
  @Test(arguments: [(0.0, 0.0), (0.6, 0.0), (0, 0.02)])
  func intervalsHoldAsOftenAsTheyClaim(autocorrelation: Double, spikes: Double) throws {
    let noisy = NoisyCurves(
      law: .kaplan, pointNoise: 0.005, autocorrelation: autocorrelation, spikes: spikes)
    var held = (size: 0, step: 0)
    let trials = 200
    for trial in 0..<trials {
      let fit = try LawFitter(draws: 120, seed: UInt64(trial)).fit(
        curves(noisy, sizes: sizes, seed: 1000 + UInt64(trial)))
      if fit.sizeExponent.contains(0.076) { held.size += 1 }
      if fit.stepExponent.contains(0.76) { held.step += 1 }
    }
    let reach = 3.3 * (Double(trials) * 0.9 * 0.1).squareRoot()
    let expected = 0.9 * Double(trials)
    for count in [held.size, held.step] {
      #expect(Double(count) > expected - reach, "\(count) of \(trials)")
      if autocorrelation == 0, spikes == 0 {
        #expect(Double(count) < expected + reach, "\(count) of \(trials)")
      }
    }
  }

  @Test func spikesPullLittle() throws {
    let noisy = NoisyCurves(pointNoise: 0.002, spikes: 0.1)
    let fit = try LawFitter(draws: 5).fit(curves(noisy, sizes: sizes, seed: 4))
    #expect(abs(fit.law.sizeExponent - 0.076) < 0.003)
    #expect(abs(fit.law.stepExponent - 0.76) < 0.03)
  }

  @Test func aSeedFixesTheDraws() throws {
    let curves = try curves(NoisyCurves(pointNoise: 0.01), sizes: sizes, seed: 8)
    let fit = try LawFitter(draws: 10, seed: 3).fit(curves)
    #expect(try LawFitter(draws: 10, seed: 3).fit(curves) == fit)
    #expect(try LawFitter(draws: 10, seed: 4).fit(curves).draws != fit.draws)
    let data = try JSONEncoder().encode(fit)
    #expect(try JSONDecoder().decode(LawFit.self, from: data) == fit)
  }

  @Test func longCurvesAreThinned() throws {
    var random = GaussianStream(seed: 1)
    let long = try sizes.map {
      try NoisyCurves(pointNoise: 0.001).curve(
        parameters: $0, steps: Array(100...9000), random: &random)
    }
    let fit = try LawFitter(pointsPerCurve: 30, draws: 5).fit(long)
    #expect(fit.pointCount <= 120 && fit.pointCount >= 100)
    #expect(abs(fit.law.stepExponent - 0.76) < 0.02)
  }

  @Test func mistakesAreNamed() throws {
    let one = try curves(NoisyCurves(), sizes: [1e6], seed: 0)
    let message = { (body: () throws -> LawFit) -> String in
      do {
        _ = try body()
        return "no error"
      } catch {
        return "\(error)"
      }
    }
    #expect(message { try LawFitter().fit(one) }.hasPrefix("fit: 1 model size; a law without"))
    let two = try curves(NoisyCurves(), sizes: [1e6, 2e6], seed: 0)
    #expect(
      message { try LawFitter(hasIrreducibleLoss: true).fit(two) }.contains("at least 3"))
    #expect(
      message { try LawFitter(firstStep: 9_999).fit(two) }
        .contains("has 1 point from step 9999 on"))
    let otherBatch = try LossCurve(
      name: "other", parameterCount: 5e6, computeCount: .sixN,
      points: two[0].points.map {
        LossCurve.Point(step: $0.step, tokens: 3 * $0.tokens, flops: $0.flops, loss: $0.loss)
      })
    #expect(
      message { try LawFitter().fit(two + [otherBatch]) }
        .hasPrefix("other: trains on 300000.0 tokens a step"))
  }
}
