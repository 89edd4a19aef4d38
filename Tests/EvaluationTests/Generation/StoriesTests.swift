// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Evaluation
import Foundation
import GoldenModels
import Testing
import Training

private let stories = packageRoot.deletingLastPathComponent()
  .appending(path: "shared/data/stories260K")
private let hasStories = FileManager.default.fileExists(
  atPath: stories.appending(path: "model.safetensors").path)

@Suite("A published model") struct StoriesTests {
  @Test(
    "stories260K goes on exactly as its README says",
    .enabled(if: hasStories, "shared/data/stories260K is not beside the package"))
  func greedyStory() throws {
    let bundle = try ModelBundle(reading: stories)
    #expect(bundle.tokenizer == nil)
    #expect(bundle.endTokens == [2])
    let pieces = try TokenPieces(contentsOf: stories.appending(path: "pieces.json"))
    let generator = try TextGenerator(
      bundle.makeLanguageModel(CPUTrainingEngine(threads: 2)),
      contextLength: bundle.contextLength, texts: .pieces(pieces))
    var streamed = ""
    let generation = try generator.generate(
      from: [1],
      GenerationConfiguration(length: 60, sampler: .greedy, endTokens: bundle.endTokens)
    ) { if case .text(let text) = $0 { streamed += text } }
    #expect(generation.tokens.count == 60)
    #expect(generation.text == streamed)
    #expect(streamed == " " + (try storyOfReadme()))
  }

  /// The lines quoted by "> ", joined.
  private func storyOfReadme() throws -> String {
    try String(contentsOf: stories.appending(path: "README.md"), encoding: .utf8)
      .split(separator: "\n").filter { $0.hasPrefix("> ") }.map { $0.dropFirst(2) }
      .joined(separator: " ")
  }
}
