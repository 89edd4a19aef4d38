// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CheckedInput
import Espalier
import Foundation
import Wording

/// The growth that options ask for.
struct GrowthRequest {
  /// What is said of sizes, manner and training.
  let description: GrowthDescription
  /// The config.json to be reached, instead of sizes.
  let configuration: String?
  /// Where a recipe of layers is, instead of depth.
  let recipes: GrowthRecipeOptions

  /// Puts options together.
  ///
  /// - Throws: `ValidationError` for what goes ill together or does nothing.
  init(
    sizes: GrowthSizeOptions, manner: GrowthMannerOptions, training: GrowthTrainingOptions,
    recipes: GrowthRecipeOptions
  ) throws {
    let arguments = sizes.arguments + manner.arguments + training.arguments
    description = arguments.reduce(into: GrowthDescription()) {
      _ = $1.parameter.set($1.value, in: &$0)
    }
    configuration = sizes.to
    self.recipes = recipes
    try check()
  }

  private func check() throws {
    guard description.hasSizes || configuration != nil || recipes.recipe != nil else {
      let sizes = GrowthDescription.parameters(.size).map { $0.name(.option) }
      throw ValidationError(
        "Say what grows: \(sizes.joined(separator: ", ")), a --recipe, or --to a config.json.")
    }
    if recipes.recipe != nil,
      configuration != nil || description.depth != nil || description.layers != nil
    {
      throw ValidationError(
        "--recipe states the layers; --depth, --layers and --to do not go with it.")
    }
    var sizes = description.sizeNames
    if recipes.recipe != nil { sizes.insert("recipe") }
    for parameter in description.given where !parameter.applies(toSizes: sizes) {
      let needs = parameter.speaksOf.map { GrowthParameter.name($0, .option) }
      throw ValidationError(
        "\(parameter.name(.option)) does nothing without \(needs.joined(separator: ", "))"
          + "\(parameter.speaksOfTarget ? " or --to" : "").")
    }
    if let conflict = description.conflict(.option) {
      throw ValidationError("\(conflict.message).")
    }
  }

  /// The growth of a source, planned.
  ///
  /// - Throws: `ValidationError` for options that do nothing there; the errors of Growth, which name
  ///   options where these say what is wrong.
  func growth(of source: GrowthSource, seed: UInt64) throws -> ModelGrowth {
    let growth = try description.naming(.option) {
      try ModelGrowth(
        of: source, by: operators(for: source.model), options: options(of: source, seed: seed))
    }
    guard recipes.recipe == nil else { return growth }
    if let useless = description.useless(from: source.model, to: growth.target, .option) {
      throw ValidationError("\(useless.parameter.name(.option)): \(useless.message).")
    }
    return growth
  }

  /// The operators in their order, as one.
  private func operators(for model: ModelConfiguration) throws -> GrowthSequence {
    if let configuration {
      let target = try target(configuration, model)
      return description.growth(
        to: target,
        naming: ConfigurationGrowth.Naming(subject: configuration) {
          target.family.key(ofField: $0)
        })
    }
    return description.growth(stack: try recipes.merge())
  }

  /// The options of the growth.
  private func options(of source: GrowthSource, seed: UInt64) throws -> GrowthOptions {
    if source.status == nil,
      let parameter = description.given.first(where: { $0.group == .training })
    {
      throw ValidationError(
        "\(parameter.name(.option)) speaks of training, and this source is weights alone.")
    }
    return description.options(seed: seed)
  }

  private func target(_ path: String, _ model: ModelConfiguration) throws -> ModelConfiguration {
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: 64 << 20) } catch {
      throw GrowthError(
        .unreadableSource, "\(error.message); expected the config.json of a model", subject: path)
    }
    var target = try HuggingFaceConfiguration(data, file: path).model
    // What a file leaves out is the family's default dropout, which is no size to be reached.
    target.dropout = model.dropout
    return target
  }
}
