// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents
import Foundation
import Yams
import Wording

extension MergeRecipe {
  /// Recipes are written by hand.
  private static let largestFile = 16 << 20

  /// Reads a recipe.
  ///
  /// - Throws: ``GrowthError`` of code `unreadableSource` for what is no recipe, naming line and key;
  ///   `unsupported` for one that does more than stack layers of one model, with the remedy.
  public init(contentsOf url: URL) throws {
    let path = url.path(percentEncoded: false)
    let text: String
    do { text = try RegularFile.text(of: path, atMost: Self.largestFile) } catch {
      throw GrowthError(.unreadableSource, error.message, subject: path)
    }
    try self.init(yaml: text, name: path)
  }

  /// Reads a recipe.
  ///
  /// - Parameter name: the file, for messages.
  /// - Throws: as ``init(contentsOf:)``.
  public init(yaml: String, name: String) throws {
    let root: Node?
    do { root = try YAMLText.compose(yaml) } catch {
      throw GrowthError(.unreadableSource, error.message, subject: "\(name):\(error.line)")
    }
    guard let root else {
      throw GrowthError(.unreadableSource, "is empty; expected a recipe", subject: name)
    }
    var reader = MergeRecipeReader()
    self = try reader.recipe(MergeValue(root, path: [], file: name))
  }
}
