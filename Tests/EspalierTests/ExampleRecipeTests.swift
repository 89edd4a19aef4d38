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
    #expect(names.contains("demo.yaml"))
    for name in names {
      let recipe = try RecipeFile(contentsOf: folder.appending(path: name)).recipe()
      let model = try #require(recipe.model, "\(name) leaves its model to a checkpoint")
      _ = try model.configuration(tokenizerVocabularySize: 4096).program()
    }
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
