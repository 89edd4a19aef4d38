// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

/// The recipes in Examples/ and in the README.
@Suite struct ExampleRecipeTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test func everyExampleDecodes() throws {
    let folder = Self.root.appending(path: "Examples")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".yaml") }
    #expect(names.contains("demo.yaml") && names.contains("demo-staged.yaml"))
    for name in names {
      let recipe = try RecipeFile(contentsOf: folder.appending(path: name)).recipe()
      let model = try #require(recipe.model, "\(name) leaves its model to a checkpoint")
      _ = try model.configuration(tokenizerVocabularySize: 4096).program()
    }
  }

  /// Only stages and length tell the demo's runs apart; else its saving would mean nothing.
  @Test func theDemosRunsDifferOnlyInStagesAndLength() throws {
    let folder = Self.root.appending(path: "Examples")
    let scratch = try RecipeFile(contentsOf: folder.appending(path: "demo.yaml")).recipe()
    var staged = try RecipeFile(contentsOf: folder.appending(path: "demo-staged.yaml")).recipe()
    #expect(scratch.stages.isEmpty && staged.stages.count == 4)
    staged.stages = []
    staged.training.schedule.total = scratch.training.schedule.total
    staged.training.stop = scratch.training.stop
    #expect(staged == scratch)
  }

  @Test func theReadmesRecipeDecodes() throws {
    let readme = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
    let block = try #require(readme.firstMatch(of: /```yaml\n((?s).*?)```/))
    let recipe = try RecipeFile(text: String(block.1), directory: Self.root).recipe()
    #expect(recipe.model?.layerCount == 6)
    // Where the schedule names no total, it ends with the run.
    #expect(recipe.training.schedule.total == .tokens(20_000_000))
  }
}
