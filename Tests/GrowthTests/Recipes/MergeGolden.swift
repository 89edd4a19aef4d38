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
