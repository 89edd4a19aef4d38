// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import Interpretation
import Testing
import Text
import Training

private let storiesFolder = packageRoot.deletingLastPathComponent()
  .appendingPathComponent("shared/data/stories260K")
private let hasStories = FileManager.default.fileExists(
  atPath: storiesFolder.appendingPathComponent("model.safetensors").path)

@Suite("A published model") struct StoriesTests {
  @Test(
    "stories260K goes on greedily as its README says",
    .enabled(if: hasStories, "shared/data/stories260K is not beside the package"))
  func greedyStory() throws {
    let folder = try ModelDirectory(reading: storiesFolder)
    let model = try ReferenceModel(program: folder.program, parameters: folder.doubles())
    let pieces = try JSONDecoder().decode(
      [String].self, from: Data(contentsOf: storiesFolder.appendingPathComponent("pieces.json")))
    let vocabulary = folder.program.vocabularySize
    var tokens: [Int32] = [1]
    while tokens.count < 61 {
      let batch = TokenBatch(
        sequenceCount: 1, sequenceLength: tokens.count, inputs: tokens,
        targets: tokens.map { _ in -1 })
      let logits = Array(try model.logits(batch).suffix(vocabulary))
      tokens.append(Int32(greedyToken(logits)))
    }
    let story = tokens.dropFirst().map { pieces[Int($0)] }.joined()
    #expect(story.trimmingCharacters(in: .whitespaces) == (try storyOfReadme()))
  }

  /// The lines quoted by "> ", joined.
  private func storyOfReadme() throws -> String {
    let text = try String(
      contentsOf: storiesFolder.appendingPathComponent("README.md"), encoding: .utf8)
    return text.split(separator: "\n").filter { $0.hasPrefix("> ") }.map { $0.dropFirst(2) }
      .joined(separator: " ")
  }
}
