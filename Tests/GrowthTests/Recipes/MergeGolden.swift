// SPDX-License-Identifier: Apache-2.0
import Foundation
import GoldenModels
import Growth

/// A recipe with what mergekit makes of it; made by `Scripts/reference/mergekit_recipes.py`.
struct MergeGolden: Sendable, CustomStringConvertible {
  /// A tensor of mergekit's output.
  struct Tensor: Decodable, Equatable {
    var dtype: String
    var shape: [Int]
    var sha256: String
  }

  private struct Result: Decodable {
    var error: String?
    var tensors: [String: Tensor]?
  }

  static let all: [MergeGolden] = {
    let files =
      (try? FileManager.default.contentsOfDirectory(
        at: directory, includingPropertiesForKeys: nil)) ?? []
    return files.filter { $0.pathExtension == "yml" }
      .map { MergeGolden(name: $0.deletingPathExtension().lastPathComponent) }
      .sorted { $0.name < $1.name }
  }()

  private static let directory = Bundle.module.bundleURL.appending(path: "Goldens/mergekit")

  let name: String
  var description: String { name }

  var url: URL { Self.directory.appending(path: "\(name).yml") }

  func recipe() throws -> MergeRecipe { try MergeRecipe(contentsOf: url) }

  /// What mergekit wrote; nil where it refused the recipe.
  func tensors() throws -> [String: Tensor]? { try result().tensors }

  /// The settings of `config.json` that mergekit may have changed.
  func settings() throws -> [String: NSObject] {
    let object = try JSONSerialization.jsonObject(with: try Data(contentsOf: jsonURL))
    return (object as? [String: Any])?["config"] as? [String: NSObject] ?? [:]
  }

  private var jsonURL: URL { Self.directory.appending(path: "\(name).json") }

  private func result() throws -> Result {
    try JSONDecoder().decode(Result.self, from: try Data(contentsOf: jsonURL))
  }
}

/// A directory for one test.
struct RecipeFolder {
  let url = FileManager.default.temporaryDirectory
    .appending(path: "espalier-recipe-\(UUID().uuidString)", directoryHint: .isDirectory)

  func remove() { try? FileManager.default.removeItem(at: url) }

  /// A model with a tokenizer of so many tokens.
  func copy(of golden: FamilyGolden, tokens: Int) throws -> URL {
    let copy = url.appending(path: "source", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: golden.url.appending(path: name), to: copy.appending(path: name))
    }
    let words = (0..<tokens - 1).map { "\"w\($0)\": \($0)" }.joined(separator: ", ")
    let tokenizer =
      #"{"model": {"type": "WordLevel", "vocab": {\#(words)}}, "added_tokens": "#
      + #"[{"id": 0, "content": "w0"}, {"id": \#(tokens - 1), "content": "<s>"}]}"#
    try Data(tokenizer.utf8).write(to: copy.appending(path: "tokenizer.json"))
    return copy
  }
}
