// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// Growths beyond single sizes: recipes from files, families, experts.
struct GrowthRecipeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Stack the layers by a passthrough recipe of mergekit; the model's name in it is a label only.",
      valueName: "recipe.yml"),
    completion: .file(extensions: ["yml", "yaml"]))
  var recipe: String?

  @Option(
    help: ArgumentHelp(
      "The description of a family that is not known; `espalier families` prints some to begin with.",
      valueName: "family.yaml"),
    completion: .file(extensions: ["yml", "yaml", "json"]))
  var family: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Make so many experts of each feed-forward, of which a token takes so many (default 2).",
      valueName: "count[:per-token]"))
  var experts: ExpertRequest?

  @Option(
    parsing: .unconditional,
    help: "Cut each copy of the feed-forward into so many experts; default 1.")
  var expertParts: Int?

  @Option(
    parsing: .unconditional,
    help: """
      Multiply by this what new layers of --operator copy write to the residual stream; default 1.
      """)
  var outputScale: Double?

  /// Whether anything grows.
  var areGiven: Bool { recipe != nil || experts != nil }

  /// Checks that every option has something to speak of.
  func checkUse(with sizes: GrowthSizeOptions, _ manner: GrowthMannerOptions) throws {
    if recipe != nil, sizes.addLayers {
      throw ValidationError(
        "--recipe states the layers; --depth, --layers and --to do not go with it.")
    }
    if experts != nil, sizes.to != nil {
      throw ValidationError("--to states every size; --experts does not go with it.")
    }
    if expertParts != nil, experts == nil {
      throw ValidationError("--expert-parts does nothing without --experts.")
    }
    guard let outputScale else { return }
    guard sizes.depth != nil || sizes.layers != nil, manner.block == .copy else {
      throw ValidationError(
        "--output-scale does nothing without --depth or --layers, and --operator copy.")
    }
    guard outputScale.isFinite, outputScale != 0 else {
      throw ValidationError(
        "--output-scale is \(outputScale); expected a number other than 0. Layers that add nothing "
          + "are --operator identity-by-output.")
    }
  }

  /// The families beside the known ones.
  func families() throws -> [DecoderFamily] {
    try family.map { [try FamilyFile(contentsOf: URL(filePath: $0)).family] } ?? []
  }

  /// The recipe's growth.
  func merge() throws -> MergeRecipe? {
    try recipe.map { try MergeRecipe(contentsOf: URL(filePath: $0)) }
  }

  /// The growth into experts.
  var expertGrowth: ExpertGrowth? {
    experts.map { ExpertGrowth(count: $0.count, perToken: $0.perToken, parts: expertParts ?? 1) }
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

/// `8`, or `8:2` with the number of experts to a token.
package struct ExpertRequest: Hashable, ExpressibleByArgument {
  package var count: Int
  package var perToken = 2

  package init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count <= 2, let count = parts.first ?? nil, count > 0 else { return nil }
    self.count = count
    guard parts.count == 2 else { return }
    guard let perToken = parts[1], perToken > 0 else { return nil }
    self.perToken = perToken
  }
}
