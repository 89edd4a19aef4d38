// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

struct FeedForwardGrowthTests {
  @Test(arguments: GoldenModel.all) func goldenModelsKeepTheirPromises(
    _ golden: GoldenModel
  ) throws {
    let small = try SmallModel(golden)
    for units in FeedForwardGrowth.Units.allCases {
      try GrownModel(FeedForwardGrowth(to: 131, units: units), of: small).checkPromises()
    }
  }

  @Test(arguments: ModelConfiguration.families) func anySizeIsReached(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 1)
    for size in [8, 13, 14, 15, 21, 40] {
      for units in FeedForwardGrowth.Units.allCases {
        let grown = try GrownModel(FeedForwardGrowth(to: size, units: units), of: small)
        #expect(grown.guarantees == [.loss, .moments, .symmetry, .liveness])
        #expect(grown.configuration.intermediateSize == size)
        try grown.checkPromises()
      }
    }
  }

  @Test func oddSizesAreReached() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: true, layers: 1, inner: 172)
    let small = try SmallModel(model, seed: 2)
    try GrownModel(FeedForwardGrowth(to: 300), of: small).checkPromises()
  }

  @Test(arguments: [Architecture.gpt2, .llama]) func copiesPart(
    _ architecture: Architecture
  ) throws {
    let model = ModelConfiguration.small(architecture, tiesHead: false, layers: 1)
    let grown = try GrownModel(FeedForwardGrowth(to: 14), of: SmallModel(model, seed: 3))
    let trained = try grown.trained(steps: 5)
    let index = try #require(
      grown.program.parameters.firstIndex { $0.role == .weight(.feedForwardUp) })
    #expect(distance(grown.values[index], architecture) == 0)
    #expect(distance(trained[index], architecture) > 1e-5)
  }

  /// Between units 0 and 7 of 14: columns of GPT-2's matrix, rows of Llama's.
  private func distance(_ weights: [Double], _ architecture: Architecture) -> Double {
    var largest = 0.0
    for input in 0..<8 {
      let isGPT2 = architecture == .gpt2
      let (first, second) = isGPT2 ? (input * 14, input * 14 + 7) : (input, 7 * 8 + input)
      largest = max(largest, abs(weights[first] - weights[second]))
    }
    return largest
  }

  @Test func fewerUnitsAreRefused() throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    let error = #expect(throws: GrowthError.self) {
      try FeedForwardGrowth(to: 6).plans(from: model)
    }
    #expect(error?.code == .unreachable)
    #expect(error?.message.contains("7 and more") ?? false)
    #expect(try FeedForwardGrowth(to: 7).plans(from: model).isEmpty)
    #expect(throws: (any Error).self) { try FeedForwardGrowth(to: .max).plans(from: model) }
  }
}
