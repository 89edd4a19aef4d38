// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Testing

@Suite struct SlopeDetectorTests {
  private let parameters = 2e7
  private let threshold = -0.09

  /// The step at which the law's own slope is the threshold.
  private var trueStep: Double {
    let law = ScalingLaw.kaplan
    var low = 1.0
    var high = 1e9
    while high / low > 1 + 1e-9 {
      let middle = (low * high).squareRoot()
      if law.slope(parameters: parameters, steps: middle) < threshold {
        low = middle
      } else {
        high = middle
      }
    }
    return low
  }

  private var steps: [Int] { (1...1600).map { 50 * $0 } }

  private func robust(_ curve: LossCurve) throws -> SlopeCrossing? {
    var detector = try SlopeDetector(SlopeDetectorConfiguration(threshold: threshold))
    return detector.crossing(of: curve)
  }

  @Test func withoutNoiseItFiresAtTheCrossing() throws {
    var random = GaussianStream(seed: 0)
    let curve = try NoisyCurves().curve(parameters: parameters, steps: steps, random: &random)
    let crossing = try #require(try robust(curve))
    #expect(abs(Double(crossing.point.step) / trueStep - 1) < 0.05)
    let literal = try #require(
      try LiteralSlopeDetector.crossing(of: curve, threshold: threshold))
    #expect(abs(Double(literal.point.step) / trueStep - 1) < 0.05)
  }

  /// On curves as noisy as the published ones (0.2 % a point) and noisier, with spikes, in 100 runs
  /// each.
  @Test(arguments: [(0.001, 0.0), (0.003, 0.0), (0.002, 0.02), (0.005, 0.01)])
  func withNoiseItIsNeitherEarlyNorFarLate(noise: Double, spikes: Double) throws {
    let curves = NoisyCurves(pointNoise: noise, spikes: spikes)
    var places: [Double] = []
    var literalPlaces: [Double] = []
    for seed in 0..<100 {
      var random = GaussianStream(seed: UInt64(seed))
      let curve = try curves.curve(parameters: parameters, steps: steps, random: &random)
      places.append(Double(try #require(try robust(curve)).point.step) / trueStep)
      let literal = try LiteralSlopeDetector.crossing(of: curve, threshold: threshold)
      literalPlaces.append(Double(try #require(literal).point.step) / trueStep)
    }
    places.sort()
    #expect(places[0] > 0.9 && places[99] < 1.2)
    #expect(places[50] > 0.95 && places[50] < 1.05)
    // The reference is not made for noise: it begins at the steepest slope, which noise puts late.
    #expect(literalPlaces.sorted()[50] > 2)
  }

  @Test func aFlatStartIsNoCrossing() throws {
    var detector = try SlopeDetector(SlopeDetectorConfiguration(threshold: -0.05))
    var random = GaussianStream(seed: 3)
    for step in 1...20 {
      let verdict = detector.observe(
        flops: 1e6 * (10 + Double(step)), loss: 10 * (1 + 1e-4 * random.next()))
      #expect(verdict.kind == .gathering || verdict.kind == .undecided)
    }
    // A model that stands still for a decade of compute will not begin to learn.
    var kinds: Set<SlopeVerdict.Kind> = []
    for step in 1...400 {
      kinds.insert(
        detector.observe(
          flops: 1e6 * (30 + Double(step)), loss: 10 * (1 + 1e-4 * random.next())
        ).kind)
    }
    #expect(kinds.contains(.crossed))
  }

  @Test(
    arguments: SlopeDetectorConfiguration.Method.allCases, [10, 100, 300, 800])
  func aSavedDetectorGoesOnBitForBit(
    method: SlopeDetectorConfiguration.Method, cut: Int
  ) throws {
    var random = GaussianStream(seed: 7)
    let curve = try NoisyCurves(pointNoise: 0.002, spikes: 0.01).curve(
      parameters: parameters, steps: steps, random: &random)
    var whole = try SlopeDetector(
      SlopeDetectorConfiguration(threshold: method == .robust ? threshold : 0.5e-9 - 1e-9))
    var resumed = whole
    for (index, point) in curve.points.prefix(900).enumerated() {
      if index == cut { resumed = try SlopeDetector(state: resumed.state) }
      let expected = whole.observe(flops: point.flops, loss: point.loss)
      #expect(resumed.observe(flops: point.flops, loss: point.loss) == expected)
    }
    #expect(resumed == whole)
    #expect(try resumed.state == whole.state)
    // Small enough for a checkpoint's status, however long the run.
    #expect(try whole.state.utf8.count < 20_000)
  }

  @Test func manyPointsAreMerged() throws {
    var detector = try SlopeDetector(SlopeDetectorConfiguration(threshold: threshold))
    var random = GaussianStream(seed: 5)
    let law = ScalingLaw.kaplan
    var crossed: Double?
    for step in 1...60_000 where crossed == nil {
      let loss = law.loss(parameters: parameters, steps: Double(step))
      let verdict = detector.observe(
        flops: 1e12 * Double(step), loss: loss * exp(0.05 * random.next()))
      if verdict.hasCrossed { crossed = Double(step) }
    }
    // A training loss, ten times as noisy as a validation's and measured at every step.
    let place = try #require(crossed) / trueStep
    #expect(place > 0.8 && place < 1.35)
  }

  @Test func oddMeasurementsChangeNothing() throws {
    var detector = try SlopeDetector(SlopeDetectorConfiguration(threshold: threshold))
    for step in 1...20 { detector.observe(flops: 1e9 * Double(step), loss: 9 / Double(step)) }
    let before = detector
    for (flops, loss) in [
      (Double.nan, 1.0), (1e12, .nan), (1e12, .infinity), (1e12, -1), (-1, 1), (1e10, 1), (0, 1),
    ] {
      detector.observe(flops: flops, loss: loss)
    }
    #expect(detector == before)
  }

  @Test func foreignStatesAreRefused() throws {
    let detector = try SlopeDetector(SlopeDetectorConfiguration(threshold: threshold))
    let state = try detector.state
    for text in [
      "", "{}", "[]", state.replacing("\"version\":1", with: "\"version\":2"),
      state.replacing("\"confidence\":0.9", with: "\"confidence\":9"),
    ] {
      let error = #expect(throws: PlanningError.self) { try SlopeDetector(state: text) }
      #expect(error?.code == .invalidState || error?.code == .invalidValue)
    }
    #expect(throws: PlanningError.self) {
      try SlopeDetector(SlopeDetectorConfiguration(threshold: 0.1))
    }
    #expect(throws: PlanningError.self) {
      try SlopeDetector(SlopeDetectorConfiguration(threshold: -0.1, persistence: 0))
    }
  }

  /// The published curves, where they lie beside the package: the literal detector, fed point by
  /// point, gives the tables' numbers a mean's width later; the robust one does not fire early on
  /// the half-depth run, whose loss jumps by 3 % at the very next point.
  @Test(
    .enabled(
      if: PublishedCurves.areThere, "the published curves are not at ../shared/data/curves"),
    arguments: [
      ("base-half-depth", -0.0575, 2949), ("base-half-width", -0.0475, 3799),
      ("base", -0.052, 5099),
    ])
  func publishedCurves(name: String, threshold: Double, step: Int) throws {
    let curve = try PublishedCurves.curve(name)
    let whole = try #require(
      try LiteralSlopeDetector.crossing(of: curve, threshold: threshold))
    #expect(whole.point.step == step)
    var literal = try SlopeDetector(
      SlopeDetectorConfiguration(threshold: threshold, method: .literal))
    let onlineCrossing = literal.crossing(of: curve)
    let online = try #require(onlineCrossing)
    #expect(online.point.step >= step + 150 && online.point.step <= step + 250)
    #expect(abs(online.slope - whole.slope) < 1e-12)

    var robust = try SlopeDetector(SlopeDetectorConfiguration(threshold: threshold))
    let found = robust.crossing(of: curve)
    // Later than the literal one, which takes the first excursion of the noise above the threshold.
    let place = Double(try #require(found).point.step) / Double(step)
    #expect(place > 1 && place < 2.5)
  }
}
