// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Testing

struct ScheduleRatioTests {
  /// GPT-2's sizes, for which the paper fitted its ratios.
  private let base = ModelConfiguration(
    architecture: .gpt2, layerCount: 12, hiddenSize: 768, headCount: 12, intermediateSize: 3072,
    vocabularySize: 50257, contextLength: 1024, tiesHead: true)

  @Test func thePapersRatiosAreMetWithinFivePercent() throws {
    let depth = DepthGrowth(factor: 2)
    let width = WidthGrowth(factor: 2)
    for (growth, fitted) in [
      (depth.then(DepthGrowth(factor: 1)), 1.412), (width.then(DepthGrowth(factor: 1)), 1.776),
      (width.then(depth), 2.455),
    ] {
      let ratio = try ScheduleRatio.fitted.value(from: base, to: growth.target(from: base))
      #expect(abs(ratio / fitted - 1) < 0.05, "\(ratio) for \(fitted)")
    }
  }

  @Test func theLawsClosedFormIsMet() {
    for (ratio, value) in [(2.0, 1.483), (4, 2.198), (8, 3.259)] {
      #expect(abs(ScheduleRatio.law.value(parameterRatio: ratio) - value) < 5e-4)
    }
  }

  @Test func modelsWithoutLayersHaveNone() throws {
    var small = base
    small.layerCount = 0
    let error = #expect(throws: GrowthError.self) {
      try ScheduleRatio.fitted.value(from: small, to: base)
    }
    #expect(error?.code == .unsupported)
    #expect(try ScheduleRatio.law.value(from: base, to: base) == 1)
  }
}
