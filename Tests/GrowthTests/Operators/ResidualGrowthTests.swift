// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

struct ResidualGrowthTests {
  @Test(arguments: ModelConfiguration.families) func anyWidthIsReached(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 10)
    for width in [9, 11, 16, 27] {
      let grown = try GrownModel(ResidualGrowth(to: width), of: small)
      #expect(grown.guarantees.contains(.moments) == (model.family == .llama))
      #expect(grown.guarantees.isSuperset(of: [.loss, .symmetry, .liveness]))
      #expect(grown.configuration.normEpsilon == 1e-2 * 8 / Double(width))
      try grown.checkPromises()
    }
  }

  @Test(arguments: GoldenModel.all) func goldenModelsKeepTheirPromises(
    _ golden: GoldenModel
  ) throws {
    try GrownModel(ResidualGrowth(to: 67), of: SmallModel(golden)).checkPromises()
  }

  @Test(arguments: ModelConfiguration.families) func hidden48Becomes67(
    _ model: ModelConfiguration
  ) throws {
    var model = model
    model.hiddenSize = 48
    try GrownModel(ResidualGrowth(to: 67), of: SmallModel(model, seed: 11)).checkPromises()
  }

  @Test(arguments: ModelConfiguration.families) func epsilonMustFollow(
    _ model: ModelConfiguration
  ) throws {
    var plans = try ResidualGrowth(to: 12).plans(from: model)
    plans[0].target.normEpsilon = model.normEpsilon
    #expect(try GrownModel(plans, of: SmallModel(model, seed: 12)).logitsError > 1e-6)
  }

  /// Zeros would move the mean of a layer norm.
  @Test func layerNormsNeedTheMean() throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    var plans = try ResidualGrowth(to: 12).plans(from: model)
    plans[0].maps[.stream] = plans[0].map(.normed)
    #expect(try GrownModel(plans, of: SmallModel(model, seed: 13)).logitsError > 1e-3)
  }

  @Test func modelsWithoutLayers() throws {
    for architecture in Architecture.allCases {
      for tiesHead in [true, false] {
        let model = ModelConfiguration.small(architecture, tiesHead: tiesHead, layers: 0)
        if architecture == .llama, tiesHead {
          let error = #expect(throws: GrowthError.self) {
            try ResidualGrowth(to: 12).plans(from: model)
          }
          #expect(error?.code == .deadParameters)
          continue
        }
        let grown = try GrownModel(ResidualGrowth(to: 12), of: SmallModel(model, seed: 14))
        #expect(grown.guarantees.contains(.symmetry) == !tiesHead)
        try grown.checkPromisesHold()
      }
    }
  }

  /// New units of a layer norm's stream are alike at first; blocks read them each with its own weights.
  @Test(arguments: [0, 1]) func blocksPartNewUnits(_ layers: Int) throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true, layers: layers)
    let grown = try GrownModel(ResidualGrowth(to: 10), of: SmallModel(model, seed: 25))
    let trained = try grown.trained(steps: 5)
    func distance(_ values: [[Double]]) -> Double {
      var largest = 0.0
      for row in 0..<model.vocabularySize {
        let (first, second) = (values[0][row * 10 + 8], values[0][row * 10 + 9])
        largest = max(largest, abs(first - second))
      }
      return largest
    }
    #expect(distance(grown.values) == 0)
    #expect((distance(trained) > 1e-4) == (layers > 0))
    #expect(grown.guarantees.contains(.symmetry) == (layers > 0))
  }

  @Test func smallerWidthsAreRefused() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: false)
    #expect(throws: GrowthError.self) { try ResidualGrowth(to: 7).plans(from: model) }
    #expect(throws: (any Error).self) { try ResidualGrowth(to: .max).plans(from: model) }
    #expect(try ResidualGrowth(to: 8).plans(from: model).isEmpty)
  }
}
