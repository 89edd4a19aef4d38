// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// Growths and families that files describe.
struct GrowthRecipeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Stack the layers by a passthrough recipe of mergekit; the model's name in it is a label only.",
      valueName: "recipe.yml"),
    completion: .file(extensions: ["yml", "yaml"]))
  var recipe: String?

  @OptionGroup var families: FamilyOptions

  /// The recipe's growth.
  func merge() throws -> MergeRecipe? {
    try recipe.map { try MergeRecipe(contentsOf: URL(filePath: $0)) }
  }

  /// The type of the grown weights, after a look at what the recipe asks of the source.
  ///
  /// - Parameter given: that of `--dtype`.
  func weightType(_ given: DType?, of source: GrowthSource) throws -> DType? {
    guard let merge = try merge() else { return given }
    try merge.check(against: source)
    guard given == nil || merge.weightType == nil || given == merge.weightType else {
      throw ValidationError(
        "--dtype is \(given?.rawValue ?? ""), and the recipe says "
          + "\(merge.weightType?.rawValue ?? ""); leave one of them out.")
    }
    return merge.weightType ?? given
  }

  /// What people may want to know of a recipe.
  func notes(_ source: String) throws -> [String] {
    guard let recipe, let merge = try merge() else { return [] }
    return ["\(recipe): its model, \(merge.model), is taken to be \(source)"]
  }
}
