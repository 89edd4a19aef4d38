// SPDX-License-Identifier: Apache-2.0
import Foundation
import Reporting
import SeededRandom
import Testing

@Suite("Axis ticks")
struct AxisTicksTests {
  private func ticks(
    _ scale: AxisScale, _ low: Double, _ high: Double, count: Int = 6
  ) -> AxisTicks {
    AxisTicks(AxisSpan(scale, showing: [], range: low...high), count: count)
  }

  @Test("linear ticks are multiples of 1, 2 or 5")
  func linear() {
    #expect(ticks(.linear, 0, 10, count: 5).major == [0, 2, 4, 6, 8, 10])
    #expect(ticks(.linear, -1, 1, count: 4).major == [-1, -0.5, 0, 0.5, 1])
    #expect(ticks(.linear, 0.31, 0.37, count: 6).step == 0.01)
  }

  @Test("logarithmic ticks are decades, with 2 and 5 where there is room")
  func logarithmic() {
    #expect(ticks(.logarithmic, 1, 1000, count: 4).major == [1, 10, 100, 1000])
    #expect(ticks(.logarithmic, 1, 100, count: 8).major == [1, 2, 5, 10, 20, 50, 100])
    #expect(ticks(.logarithmic, 1, 1e12, count: 6).major == [1, 1e3, 1e6, 1e9, 1e12])
    #expect(ticks(.logarithmic, 1e12, 1e15, count: 4).major.first == 1e12)
    #expect(ticks(.logarithmic, 2, 6, count: 4).major == [2, 3, 4, 5, 6])
    // Steps of two would leave the lower half of the axis bare.
    #expect(ticks(.logarithmic, 4.1, 11.2, count: 5).major == [5, 6, 7, 8, 9, 10, 11])
  }

  @Test("any span has at least two ticks, all of them on it, in order", arguments: 0..<20)
  func spans(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      let scale: AxisScale = Bool.random(using: &random) ? .linear : .logarithmic
      let low = pow(10, Double.random(in: -12...18, using: &random))
      let high =
        scale == .linear
        ? low * Double.random(in: 1.01...50, using: &random)
        : low * pow(10, Double.random(in: 0.01...12, using: &random))
      let count = Int.random(in: 2...12, using: &random)
      let ticks = ticks(scale, low, high, count: count)
      let message = Comment(rawValue: "\(scale) \(low) \(high) \(count): \(ticks)")
      #expect(ticks.major.count >= 2, message)
      #expect(ticks.major.count <= 4 * count + 2, message)
      #expect(ticks.major == ticks.major.sorted(), message)
      let room = 1e-6 * (scale == .linear ? high - low : low)
      #expect(ticks.major.allSatisfy { $0 >= low - room && $0 <= high + room }, message)
      if let step = ticks.step {
        let digit = step / pow(10, (log10(step) + 1e-9).rounded(.down))
        #expect([1, 2, 5].contains { abs($0 - digit) < 1e-6 }, message)
      }
    }
  }

  @Test("a span shows its values, also where there is one or none")
  func span() {
    for values in [[], [3], [0, 0], [-1, 5], [1e-9, 1e9]] as [[Double]] {
      for scale in AxisScale.allCases {
        let span = AxisSpan(scale, showing: values)
        #expect(span.low < span.high)
        for value in values where scale.shows(value) {
          #expect((0...1).contains(span.position(value) ?? -1), "\(scale) \(values)")
        }
      }
    }
    #expect(AxisSpan(.logarithmic, showing: [1, 10]).position(-1) == nil)
    #expect(AxisSpan(.linear, showing: [1, .nan, .infinity, 2]).high < 3)
    // What is never negative does not get an axis that is.
    #expect(AxisSpan(.linear, showing: [0, 10]).low == 0)
  }
}

@Suite("Number style")
struct NumberStyleTests {
  @Test("ticks have as many decimals as their distance needs")
  func labels() {
    #expect(NumberStyle.plain.label(2.5, step: 0.5) == "2.5")
    #expect(NumberStyle.plain.label(3, step: 0.5) == "3.0")
    #expect(NumberStyle.plain.label(-0.0475) == "−0.0475")
    #expect(NumberStyle.plain.label(1e-17, step: 0.1) == "0.0")
    #expect(NumberStyle.power.label(1e12) == "10¹²")
    #expect(NumberStyle.power.label(2e12) == "2×10¹²")
    #expect(NumberStyle.power.label(2.5e-7, step: 5e-8) == "2.5×10⁻⁷")
    #expect(NumberStyle.power.label(100) == "100")
    #expect(NumberStyle.count.label(20_000) == "20k")
    #expect(NumberStyle.count.label(1_500_000, step: 500_000) == "1.5M")
    #expect(NumberStyle.percent.label(0.25, step: 0.05) == "25 %")
  }

  @Test("single values read as people write them")
  func texts() {
    #expect(NumberStyle.power.text(1.3e14) == "1.30×10¹⁴")
    #expect(NumberStyle.count.text(20_000_000) == "20.0M")
    #expect(NumberStyle.count.text(98_304_000) == "98.3M")
    #expect(NumberStyle.count.text(999_900) == "1.00M")
    #expect(NumberStyle.count.text(512) == "512")
    #expect(NumberStyle.seconds.text(724) == "12m 04s")
    #expect(NumberStyle.seconds.text(59.7) == "1m 00s")
    #expect(NumberStyle.percent.text(-0.032) == "−3.2 %")
    #expect(NumberStyle.plain.text(.nan) == "–")
  }

  @Test("no value traps", arguments: NumberStyle.allCases)
  func anything(style: NumberStyle) {
    for value in [0, -0.0, 1e-300, 1e308, -1e308, .infinity, -.infinity, .nan, 0.1, 1e15, 1e-5] {
      #expect(!style.label(value).isEmpty)
      #expect(!style.label(value, step: 1e-300).isEmpty)
      #expect(!style.text(value).isEmpty)
    }
  }
}
