// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Foundation
import GoldenModels
import Growth
import Interpretation
import Tensors
import Testing
import Text
import Training

private let stories = packageRoot.deletingLastPathComponent()
  .appending(path: "shared/data/stories260K")
private let hasStories = FileManager.default.fileExists(
  atPath: stories.appending(path: "model.safetensors").path)

@Suite("A published model, grown") struct StoriesTests {
  /// Growths of a Llama of 5 layers, width 64, 8 query heads over 4 key/value heads, 172 units.
  static let growths: [any GrowthOperator & Sendable] = [
    WidthGrowth(factor: 2), DepthGrowth(factor: 2), FeedForwardGrowth(to: 300),
    WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).then(FeedForwardGrowth(to: 600)),
    FeedForwardGrowth(to: 300, units: .new), HeadGrowth(queryHeads: 12, keyValueHeads: 4),
    HeadGrowth(queryHeads: 10, keyValueHeads: 5), HeadSizeGrowth(to: 16), ResidualGrowth(to: 100),
    ContextGrowth(to: 1024), everything,
  ]

  /// Sizes that are no multiples of anything, at once.
  private static var everything: ConfigurationGrowth {
    ConfigurationGrowth(
      to: ModelConfiguration(
        architecture: .llama, layerCount: 7, hiddenSize: 100, headCount: 15, keyValueHeadCount: 5,
        headSize: 24, intermediateSize: 300, vocabularySize: 512, contextLength: 768,
        normEpsilon: 1e-5, rotary: RotaryEmbedding(), tiesHead: true))
  }

  @Test(
    "stories260K computes the same and tells the same story",
    .enabled(if: hasStories, "shared/data/stories260K is not beside the package"),
    arguments: growths.indices)
  func sameStory(_ index: Int) throws {
    let folder = try ModelDirectory(reading: stories)
    let small = try folder.values()
    let path = try Self.growths[index].path(
      from: folder.configuration.model, options: GrowthOptions(seed: 1))
    #expect(path.plans.allSatisfy { $0.guarantees.contains(.loss) })
    let engine = CPUTrainingEngine(threads: 2)
    let before = try engine.makeLanguageModel(
      for: folder.program, parameters: small, precision: .fp32)
    let after = try engine.makeLanguageModel(
      for: path.target.program(), parameters: path.grown(values: small), precision: .fp32)
    let story = try greedyStory(before)
    #expect(try greedyStory(after) == story)
    let batch = TokenBatch(
      sequenceCount: 1, sequenceLength: story.count, inputs: story,
      targets: story.map { _ in -1 })
    let error = relativeError(
      try after.logits(batch).floats, try before.logits(batch).floats.map(Double.init))
    #expect(error < 1e-5)
  }

  /// Token 1 and the sixty most probable after it.
  private func greedyStory(_ model: any LanguageModel) throws -> [Int32] {
    let decoder = try model.makeDecoder(capacity: 61)
    var tokens: [Int32] = [1]
    while tokens.count < 61 {
      let logits = try decoder.append([tokens[tokens.count - 1]])
      tokens.append(Int32(greedyToken(logits.map(Double.init))))
    }
    return tokens
  }
}
