// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

import Savings

@Suite("The frontier of training from scratch")
struct FrontierTests {
  /// Points on loss = scale · cost^−slope.
  private func points(
    _ size: String, slope: Double, scale: Double, costs: [Double]
  ) -> [Frontier.Point] {
    costs.map {
      Frontier.Point(
        name: "\(size)-\(Int($0))", size: size, cost: $0, logLoss: log(scale) - slope * log($0),
        seedCount: 3)
    }
  }

  @Test("Between, before and beyond the lengths a power law is read off exactly")
  func powerLaw() throws {
    let frontier = Frontier(points("a", slope: 0.07, scale: 3, costs: [40, 10, 20]))
    for cost in [5.0, 10, 13, 20, 33, 40, 80] {
      let logLoss = log(3) - 0.07 * log(cost)
      let place = try #require(frontier.place(atLogLoss: logLoss))
      #expect(abs(place.logCost - log(cost)) < 1e-12)
      #expect(abs(place.slope + 0.07) < 1e-12)
      let back = try #require(frontier.place(atCost: cost))
      #expect(abs(back.logLoss - logLoss) < 1e-12)
      if cost == 5 || cost == 80 { #expect(place.isExtrapolated && back.isExtrapolated) }
      if cost == 13 || cost == 33 { #expect(!place.isExtrapolated && !back.isExtrapolated) }
    }
  }

  @Test("Among sizes the cheapest counts, also where it is the smaller one")
  func sizes() throws {
    let small = points("small", slope: 0.03, scale: 2, costs: [1, 100])
    let large = points("large", slope: 0.08, scale: 2.2, costs: [1, 100])
    let frontier = Frontier(small + large)
    // The lines cross where 2 c^−0.03 = 2.2 c^−0.08.
    let crossing = pow(1.1, 1 / 0.05)
    let below = try #require(frontier.place(atCost: crossing / 2))
    #expect(below.weights[0].point.size == "small")
    let above = try #require(frontier.place(atCost: crossing * 2))
    #expect(above.weights[0].point.size == "large")
    let loss = log(2.2) - 0.08 * log(crossing * 2)
    #expect(try #require(frontier.place(atLogLoss: loss)).weights[0].point.size == "large")
    #expect(try #require(frontier.place(atLogLoss: log(1.99))).weights[0].point.size == "small")
  }

  @Test("One length of a size says nothing")
  func single() {
    let frontier = Frontier(points("a", slope: 0.07, scale: 3, costs: [40]))
    #expect(frontier.place(atLogLoss: 1) == nil)
    #expect(frontier.place(atCost: 40) == nil)
  }
}

@Suite("Savings against a frontier")
struct SavingTests {
  private let frontier = Frontier([
    .init(name: "short", size: "a", cost: 100, logLoss: log(2.2), seedCount: 3),
    .init(name: "long", size: "a", cost: 200, logLoss: log(2.1), seedCount: 3),
  ])

  @Test("An arm that costs a quarter less than scratch saves a quarter")
  func quarter() throws {
    let saving = try #require(
      Saving(losses: [2.1], cost: 150, against: frontier, spread: nil))
    #expect(abs(saving.atEqualLoss - 0.25) < 1e-12)
    #expect(saving.interval == nil)
    #expect(saving.seeds == saving.atEqualLoss...saving.atEqualLoss)
    // The frontier's loss at a cost of 150, on the line between the two in logarithms.
    let share = log(1.5) / log(2)
    #expect(
      abs(saving.lossAtEqualCost - (2.1 / (2.2 * pow(2.1 / 2.2, share)) - 1)) < 1e-12)
  }

  @Test("A worse arm saves less than nothing")
  func loss() throws {
    let saving = try #require(
      Saving(losses: [2.2], cost: 150, against: frontier, spread: nil))
    #expect(abs(saving.atEqualLoss + 0.5) < 1e-12)
  }

  @Test("The interval holds the scatter of the arm and of the lengths that its loss lies between")
  func interval() throws {
    // Groups whose deviations from their means are ±0.01, in logarithms: σ² = 4 · 1e-4 / 2.
    let spread = try #require(
      SeedSpread([[exp(0.99), exp(1.01)], [exp(1.99), exp(2.01)], [3]]))
    #expect(spread.degrees == 2)
    #expect(abs(spread.deviation - (2e-4).squareRoot()) < 1e-12)
    let losses = [2.1, 2.1, 2.1]
    let saving = try #require(
      Saving(losses: losses, cost: 150, against: frontier, spread: spread))
    // At the long length's own loss all weight is on it: σ² (1/3 + 1/3).
    let slope = log(2.2 / 2.1) / log(2)
    // t of two degrees of freedom at 95 %.
    let half = 4.302653 * (2e-4 * 2 / 3).squareRoot() / slope
    let interval = try #require(saving.interval)
    #expect(abs(log(1 - interval.lowerBound) - (log(0.75) + half)) < 1e-6)
    #expect(abs(log(1 - interval.upperBound) - (log(0.75) - half)) < 1e-6)
  }

  @Test("Chance alone leaves nothing inside its interval 95 times of 100")
  func coverage() throws {
    var generator = SplitMix(state: 5)
    var covered = 0
    let trials = 2000
    for _ in 0..<trials {
      // True losses lie on loss = 3 · cost^−0.08; the arm's cost is scratch's, so nothing is saved.
      func seeds(_ cost: Double) -> [Double] {
        (0..<3).map { _ in exp(log(3) - 0.08 * log(cost) + 0.004 * generator.normal()) }
      }
      let (short, long, arm) = (seeds(100), seeds(200), seeds(150))
      func point(_ losses: [Double], _ cost: Double) -> Frontier.Point {
        .init(
          name: "", size: "a", cost: cost,
          logLoss: losses.map { log($0) }.reduce(0, +) / 3, seedCount: 3)
      }
      let saving = try #require(
        Saving(
          losses: arm, cost: 150, against: Frontier([point(short, 100), point(long, 200)]),
          spread: SeedSpread([short, long, arm])))
      if try #require(saving.interval).contains(0) { covered += 1 }
    }
    // 95 % ± four standard deviations of the count, and the delta method's error.
    #expect((0.925...0.975).contains(Double(covered) / Double(trials)))
  }
}

/// SplitMix64, with normal values by Box and Muller.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func normal() -> Double {
    let radius = (-2 * log(Double.random(in: .leastNormalMagnitude..<1, using: &self))).squareRoot()
    return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
  }
}

@Suite("Savings as the paper counts them")
struct UndecayedSavingTests {
  private let arm = Bed.Arm(
    name: "arm", about: "", isFrontier: false, settings: [:], rates: [1e-3], seeds: [1])

  private func run(
    rate: Double = 1e-3, stages: Int = 1, _ validations: [(Double, Double, Bool, Int)]
  ) -> RunResult {
    RunResult(
      of: PlannedRun(arm: arm, rate: rate, seed: 1), target: "", text: "", engine: "cpu",
      loss: 2, flops: 0, tokens: 0,
      stages: (0..<stages).map { .init(model: "\($0)", steps: 1) },
      validations: validations.map {
        .init(step: 0, flops: $0.0, loss: $0.1, isUndecayed: $0.2, stage: $0.3)
      })
  }

  @Test("Decayed losses and earlier stages do not count")
  func undecayed() throws {
    let scratch = run([(100, 2.4, true, 1), (200, 2.2, true, 1), (250, 2.0, false, 1)])
    let staged = run(
      stages: 2, [(50, 2.3, true, 1), (150, 2.2, true, 2), (180, 2.0, false, 2)])
    let saving = try #require(UndecayedSaving([staged], against: [scratch]))
    #expect(abs(saving.loss - 2.2) < 1e-12)
    #expect(abs(saving.saved - 0.25) < 1e-9)
    #expect(!saving.isLowerBound)
  }

  @Test("Where scratch never came so low, it is a lower bound")
  func bound() throws {
    let scratch = run([(100, 2.4, true, 1), (200, 2.2, true, 1)])
    let staged = run(stages: 2, [(150, 2.1, true, 2)])
    let saving = try #require(UndecayedSaving([staged], against: [scratch]))
    #expect(saving.isLowerBound)
    #expect(abs(saving.saved - 0.25) < 1e-9)
  }

  @Test("Curves of the same rate are preferred")
  func rates() throws {
    let same = run([(100, 2.4, true, 1), (300, 2.1, true, 1)])
    let other = run(rate: 2e-3, [(100, 2.3, true, 1), (200, 2.1, true, 1)])
    let staged = run(stages: 2, [(150, 2.1, true, 2)])
    let saving = try #require(UndecayedSaving([staged], against: [same, other]))
    #expect(abs(saving.saved - 0.5) < 1e-9)
  }

  @Test("A model is known by its numbers, in whatever words")
  func names() {
    let told = RunResult.Stage(
      model:
        "gpt2, 8 layers, hidden 64, 4 heads of 16, feed-forward 256, vocabulary 1024, context 128",
      steps: 1)
    let logged = RunResult.Stage(
      model: "8 layers, 64 wide, 4 heads of 16, feed-forward 256", steps: 1)
    #expect(told == logged)
    #expect(told.model == "8 × 64, 4 heads, feed-forward 256")
  }

  @Test("Nothing is said without validations before the decay")
  func nothing() {
    #expect(UndecayedSaving([run([(100, 2, false, 1)])], against: [run([(1, 2, true, 1)])]) == nil)
  }
}
