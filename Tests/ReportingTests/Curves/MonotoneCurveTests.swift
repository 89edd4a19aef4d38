// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import SeededRandom
import Testing

@Suite("Monotone curves")
struct MonotoneCurveTests {
  private func law(_ amounts: [Double]) -> [Chart.Point] {
    amounts.map { Chart.Point($0, 20 * pow($0, -0.05)) }
  }

  @Test("a power law is read exactly, both ways, between its points")
  func powerLaw() throws {
    let curve = try #require(MonotoneCurve(law([1e9, 3e9, 2e10, 1e12])))
    for amount in [1e9, 1.7e9, 3e9, 8e10, 1e12] {
      let loss = try #require(curve.loss(atAmount: amount))
      #expect(abs(loss / (20 * pow(amount, -0.05)) - 1) < 1e-12)
      let back = try #require(curve.amount(atLoss: loss))
      #expect(abs(back / amount - 1) < 1e-9)
    }
    #expect(abs(curve.amounts.upperBound / 1e12 - 1) < 1e-12)
  }

  @Test("beyond its points it knows nothing")
  func outside() throws {
    let curve = try #require(MonotoneCurve(law([1e9, 1e12])))
    #expect(curve.loss(atAmount: 0.9e9) == nil)
    #expect(curve.loss(atAmount: 1.1e12) == nil)
    #expect(curve.amount(atLoss: 20 * pow(0.9e9, -0.05)) == nil)
    #expect(curve.amount(atLoss: 20 * pow(1.1e12, -0.05)) == nil)
    for value in [0, -1, .nan, .infinity] {
      #expect(curve.amount(atLoss: value) == nil)
      #expect(curve.loss(atAmount: value) == nil)
    }
    // Its own ends are on it.
    #expect(curve.amount(atLoss: curve.losses.lowerBound) != nil)
    #expect(curve.amount(atLoss: curve.losses.upperBound) != nil)
  }

  @Test("points that are not positive and finite are left out")
  func hostile() throws {
    #expect(MonotoneCurve([Chart.Point]()) == nil)
    #expect(MonotoneCurve([.init(0, 1), .init(1, .nan), .init(-1, 2), .init(2, 0)]) == nil)
    let curve = try #require(MonotoneCurve([.init(1, .nan), .init(10, 2), .init(10, 4)]))
    // Two values at one amount are their geometric mean.
    #expect(abs((curve.loss(atAmount: 10) ?? 0) - 8.0.squareRoot()) < 1e-12)
  }

  /// Isotonic regression by its definition as a minimum of maxima of means.
  private func isotonic(_ y: [Double]) -> [Double] {
    func mean(_ s: Int, _ t: Int) -> Double { y[s...t].reduce(0, +) / Double(t - s + 1) }
    return y.indices.map { i in
      // The falling fit at i: the least over t ≥ i … of the greatest over s ≤ i, with signs turned.
      (i..<y.count).map { t in (0...i).map { s in mean(s, t) }.min() ?? 0 }.max() ?? 0
    }
  }

  @Test("noise is pooled as isotonic regression says", arguments: 0..<30)
  func pooling(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let y = (0..<12).map { -0.05 * Double($0) + Double.random(in: -0.1...0.1, using: &random) }
    let points = y.indices.map { Chart.Point(pow(10, Double($0)), pow(10, y[$0])) }
    let curve = try #require(MonotoneCurve(points))
    // Each pool stands at the mean of its places.
    let expected = isotonic(y)
    for group in Dictionary(grouping: y.indices, by: { Int((expected[$0] * 1e9).rounded()) }).values
    {
      let middle = Double(group.reduce(0, +)) / Double(group.count)
      let loss = try #require(curve.loss(atAmount: pow(10, middle)))
      #expect(abs(log10(loss) - expected[group[0]]) < 1e-9)
    }
  }

  @Test("it never rises, whatever the points", arguments: 0..<10)
  func falling(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let points = (0..<200).map { _ in
      Chart.Point(
        pow(10, Double.random(in: 0...6, using: &random)),
        Double.random(in: 1...10, using: &random))
    }
    let curve = try #require(MonotoneCurve(points))
    let span = curve.amounts
    let losses = (0...300).compactMap { step in
      curve.loss(
        atAmount: span.lowerBound
          * pow(span.upperBound / span.lowerBound, Double(step) / 300 * (1 - 1e-12)))
    }
    #expect(losses.count == 301)
    #expect(zip(losses, losses.dropFirst()).allSatisfy { $1 <= $0 * (1 + 1e-12) })
  }
}

@Suite("Slopes and smoothing")
struct SlopeTests {
  @Test("a power law has its exponent as slope, everywhere")
  func exponent() {
    let points = (1...200).map { Chart.Point(Double($0) * 1e9, 20 * pow(Double($0) * 1e9, -0.07)) }
    let slope = LossSlope(points)
    #expect(slope.points.count > 150)
    #expect(slope.points.allSatisfy { abs($0.y + 0.07) < 1e-9 })
  }

  @Test("too few points have no slope")
  func few() {
    #expect(LossSlope([.init(1, 1), .init(2, 1), .init(3, 1)]).atEnd == nil)
    #expect(LossSlope([]).points.isEmpty)
    #expect(LossSlope(Array(repeating: .init(1, 1), count: 9)).atEnd == nil)
    #expect(LossSlope([.init(0, 1), .init(-1, .nan)]).points.isEmpty)
  }

  @Test("bins keep every point and its extremes")
  func bins() {
    let points = (0..<1000).map { Chart.Point(Double($0 + 1), Double($0 % 10)) }
    for scale in AxisScale.allCases {
      let bins = CurveSmoothing.binned(points, scale: scale, count: 20)
      #expect(bins.reduce(0) { $0 + $1.count } == 1000)
      #expect(bins.map(\.range.lowerBound).min() == 0)
      #expect(bins.map(\.range.upperBound).max() == 9)
      #expect(bins.allSatisfy { $0.range.contains($0.point.y) })
      #expect(bins.count <= 20)
    }
    #expect(CurveSmoothing.binned([.init(1, 2)], scale: .logarithmic, count: 5).count == 1)
    #expect(CurveSmoothing.binned([.init(-1, 2)], scale: .logarithmic, count: 5).isEmpty)
  }
}
