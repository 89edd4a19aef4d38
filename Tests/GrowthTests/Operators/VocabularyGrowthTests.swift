// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Growth
import Testing

struct VocabularyGrowthTests {
  @Test(arguments: ModelConfiguration.families) func oldTokensKeepTheirLogits(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 15)
    let grown = try GrownModel(VocabularyGrowth(to: 14), of: small)
    #expect(grown.logitsError < 1e-12)
    #expect(grown.guarantees == [.symmetry, .liveness])
    #expect(try grown.deadEntries() == [])
    // The loss is another, which is why it is not promised.
    #expect(abs(grown.result.loss.mean - small.result.loss.mean) > 1e-3)
  }

  @Test(arguments: ModelConfiguration.families) func newVectorsAreNearTheMean(
    _ model: ModelConfiguration
  ) throws {
    let small = try SmallModel(model, seed: 16)
    let exact = try GrownModel(VocabularyGrowth(to: 14, noise: 0), of: small)
    let noisy = try GrownModel(VocabularyGrowth(to: 14), of: small)
    #expect(exact.guarantees == [.liveness])
    for (index, spec) in exact.program.parameters.enumerated()
    where spec.role == .tokenEmbedding || spec.role == .head {
      let mean = (0..<8).map { column in
        (0..<11).reduce(0) { $0 + small.values[index][$1 * 8 + column] } / 11
      }
      for row in 11..<14 {
        #expect(relativeError(Array(exact.values[index][row * 8..<row * 8 + 8]), mean) < 1e-12)
        let distance = zip(noisy.values[index][row * 8..<row * 8 + 8], mean).map { abs($0 - $1) }
        #expect(distance.allSatisfy { $0 > 0 && $0 < 0.1 * 0.02 * 6 })
      }
    }
  }

  @Test(arguments: ModelConfiguration.families) func newRowsHaveNoSource(
    _ model: ModelConfiguration
  ) throws {
    let path = try VocabularyGrowth(to: 14).path(from: model)
    let ones = try model.program().parameters.map {
      [Double](repeating: 1, count: $0.shape.elementCount)
    }
    let mapped = try path.mapped(gradients: ones)
    #expect(mapped[0].prefix(88).allSatisfy { $0 == 1 } && mapped[0].count == 112)
    #expect(mapped[0].suffix(24).allSatisfy { $0 == 0 })
    #expect(path.mappedEntries()[0] == mapped[0].map { $0 == 1 })
  }

  @Test func badSizesAndNoiseAreRefused() throws {
    let model = ModelConfiguration.small(.llama, tiesHead: false)
    #expect(throws: GrowthError.self) { try VocabularyGrowth(to: 10).plans(from: model) }
    for noise in [-1, Double.nan, .infinity] {
      #expect(throws: GrowthError.self) {
        try VocabularyGrowth(to: 12, noise: noise).plans(from: model)
      }
    }
    #expect(try VocabularyGrowth(to: 11).plans(from: model).isEmpty)
  }
}
