// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

struct ContextGrowthTests {
  @Test(arguments: ModelConfiguration.families) func oldInputsKeepTheirLogits(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 17)
    let grown = try GrownModel(ContextGrowth(to: 12), of: small)
    #expect(grown.guarantees == [.loss, .moments, .symmetry, .liveness])
    try grown.checkPromises()
  }

  @Test(arguments: GoldenModel.all) func goldenModelsKeepTheirPromises(
    _ golden: GoldenModel
  ) throws {
    try GrownModel(ContextGrowth(to: 45), of: SmallModel(golden)).checkPromises()
  }

  @Test func stretchedPositionsLieBetweenNeighbours() throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    let small = try SmallModel(model, seed: 18)
    let grown = try GrownModel(ContextGrowth(to: 10, positions: .interpolated), of: small)
    #expect(grown.guarantees == [.symmetry, .liveness])
    try grown.checkPromises()
    let index = try #require(
      grown.program.parameters.firstIndex { $0.role == .positionEmbedding })
    func row(_ row: Int, _ values: [[Double]]) -> [Double] {
      Array(values[index][row * 8..<row * 8 + 8])
    }
    for position in 0..<10 {
      let place = Double(position) * 6 / 9
      let lower = min(Int(place), 5)
      let expected = zip(row(lower, small.values), row(lower + 1, small.values)).map {
        $0 + (place - Double(lower)) * ($1 - $0)
      }
      #expect(relativeError(row(position, grown.values), expected) < 1e-12)
    }
  }

  @Test func aContextOfOneCanBeStretched() throws {
    var model = ModelConfiguration.small(.gpt2, tiesHead: true)
    model.contextLength = 1
    let plans = try ContextGrowth(to: 3, positions: .interpolated).plans(from: model)
    #expect(plans[0].map(.position).count == 3)
  }

  @Test func anotherRotaryBaseChangesTheFunction() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: false)
    let small = try SmallModel(model, seed: 19)
    let other = RotaryEmbedding(base: 300)
    for length in [7, 12] {
      let grown = try GrownModel(ContextGrowth(to: length, rotary: other), of: small)
      #expect(grown.configuration.rotary == other)
      #expect(grown.guarantees == [.symmetry, .liveness])
      try grown.checkPromises()
    }
    let same = ContextGrowth(to: 7, rotary: model.rotary)
    #expect(try same.plans(from: model).isEmpty)
  }

  @Test func badWishesAreRefused() throws {
    let model = ModelConfiguration.small(.gpt2, tiesHead: true)
    #expect(throws: GrowthError.self) { try ContextGrowth(to: 6).plans(from: model) }
    let error = #expect(throws: GrowthError.self) {
      try ContextGrowth(to: 9, rotary: RotaryEmbedding()).plans(from: model)
    }
    #expect(error?.code == .invalidOptions)
    #expect(throws: (any Error).self) { try ContextGrowth(to: .max).plans(from: model) }
  }
}
