// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// The recipe whose model is planned for.
struct PlanTargetOptions: ParsableArguments {
  @Option(help: "The recipe whose model is the target.", completion: .file())
  var target: String

  @Option(
    parsing: .unconditional,
    help: "The vocabulary, where the recipe leaves it to files that are not there.")
  var vocabulary: Int?

  func validate() throws {
    guard let vocabulary, !(1...1 << 28).contains(vocabulary) else { return }
    throw ValidationError("--vocabulary is \(vocabulary); expected 1 to \(1 << 28).")
  }

  func recipe() throws -> Recipe { try RecipeFile(contentsOf: URL(filePath: target)).recipe() }

  /// The target.
  func model(_ recipe: Recipe) throws -> ModelConfiguration {
    guard let sizes = recipe.model else {
      throw PlanningError(
        .invalidValue, "leaves its model to a checkpoint; give it a `model`", subject: target)
    }
    if let vocabulary {
      return try sizes.configuration(tokenizerVocabularySize: vocabulary)
    }
    guard case .recipe(let inspection) = try Inspection.of(URL(filePath: target)),
      let model = inspection.model
    else {
      throw PlanningError(
        .invalidValue,
        "leaves the vocabulary to a tokenizer or prepared data that cannot be read; say it with "
          + "--vocabulary",
        subject: target)
    }
    return model.configuration
  }
}
