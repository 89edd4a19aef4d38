// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

private let stories = URL(filePath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "shared/data/stories260K")
private let hasStories = FileManager.default.fileExists(
  atPath: stories.appending(path: "model.safetensors").path)

/// A growth with a name for the test's report.
struct StoryGrowth: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var growth: GrowthSequence

  init(_ name: String, _ growths: any GrowthOperator...) {
    testDescription = name
    growth = GrowthSequence(growths)
  }

  static let all = [
    StoryGrowth("width × 2", WidthGrowth(factor: 2)),
    StoryGrowth("depth × 2", DepthGrowth(factor: 2)),
    StoryGrowth("feed-forward 172 → 300", FeedForwardGrowth(to: 300)),
    StoryGrowth(
      "all", WidthGrowth(factor: 2), FeedForwardGrowth(to: 600), DepthGrowth(factor: 2)),
    StoryGrowth(
      "feed-forward first", FeedForwardGrowth(to: 300), WidthGrowth(factor: 2),
      DepthGrowth(factor: 2)),
  ]
}

@Suite("A published model, grown") struct GrownStoriesTests {
  @Test(
    "stories260K tells its story as before, with the same logits",
    .enabled(if: hasStories, "shared/data/stories260K is not beside the package"),
    arguments: StoryGrowth.all)
  func sameStory(_ growth: StoryGrowth) throws {
    let target = FileManager.default.temporaryDirectory
      .appending(path: "espalier-stories-\(UUID().uuidString)", directoryHint: .isDirectory)
    defer { try? FileManager.default.removeItem(at: target) }
    let source = try GrowthSource(reading: stories)
    try ModelGrowth(of: source, by: growth.growth, options: GrowthOptions(seed: 5))
      .write(to: target)
    let (small, large) = (try story(stories), try story(target))
    #expect(small.text == large.text)
    #expect(small.tokens == large.tokens && small.tokens.count == 60)
    let batch = TokenBatch(
      sequenceCount: 1, sequenceLength: 60, inputs: [1] + small.tokens.dropLast(),
      targets: Array(repeating: -1, count: 60))
    let engine = CPUTrainingEngine(threads: 2)
    let before = try logits(stories, batch, engine)
    let after = try logits(target, batch, engine)
    let scale = before.map(abs).max() ?? 0
    let error = zip(before, after).map { abs($0 - $1) }.max() ?? .infinity
    #expect(error <= 1e-5 * scale, "\(error) of \(scale)")
  }

  private func story(_ url: URL) throws -> (text: String?, tokens: [Int32]) {
    let bundle = try ModelBundle(reading: url)
    let pieces = try TokenPieces(contentsOf: url.appending(path: "pieces.json"))
    let generator = try TextGenerator(
      bundle.makeLanguageModel(CPUTrainingEngine(threads: 2)),
      contextLength: bundle.contextLength, texts: .pieces(pieces))
    let result = try generator.generate(
      from: [1],
      GenerationConfiguration(length: 60, sampler: .greedy, endTokens: bundle.endTokens)
    ) { _ in }
    return (result.text, result.tokens)
  }

  private func logits(
    _ url: URL, _ batch: TokenBatch, _ engine: CPUTrainingEngine
  ) throws -> [Float] {
    try ModelBundle(reading: url).makeLanguageModel(engine).logits(batch)
      .withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }
}
