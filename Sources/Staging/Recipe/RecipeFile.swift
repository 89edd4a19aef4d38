// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Training

/// A recipe as it was written: its text, where its paths start, and what was set over it.
public struct RecipeFile: Sendable, Hashable {
  /// The YAML text.
  public var text: String
  /// The file's name in messages.
  public var name: String
  /// The directory that the recipe's paths are relative to.
  public var directory: URL
  /// Values set over the text's, in order.
  public var overrides: [RecipeOverride]

  /// Makes a recipe's file from text.
  public init(
    text: String, name: String = "recipe", directory: URL, overrides: [RecipeOverride] = []
  ) {
    self.text = text
    self.name = name
    // A URL without a slash at its end would stand for the folder above.
    self.directory = URL(
      filePath: directory.path(percentEncoded: false), directoryHint: .isDirectory)
    self.overrides = overrides
  }

  /// Recipes have some kilobytes.
  private static let largestFile = 16 << 20

  /// Reads a file.
  ///
  /// - Throws: ``StagingError`` of code `unreadableRecipe`.
  public init(contentsOf file: URL, overrides: [RecipeOverride] = []) throws {
    let name = file.lastPathComponent
    let path = file.path(percentEncoded: false)
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: Self.largestFile) } catch {
      throw StagingError(
        .unreadableRecipe, "\(error.message); expected a recipe in YAML", subject: path)
    }
    if let obstacle = TextEncoding.obstacle(in: data) {
      throw StagingError(.unreadableRecipe, obstacle, subject: path)
    }
    // A run keeps the recipe's bytes, whatever mark they begin with.
    let text = String(decoding: data, as: UTF8.self)
    self.init(
      text: text, name: name, directory: file.absoluteURL.deletingLastPathComponent(),
      overrides: overrides)
  }

  /// Decodes the recipe.
  ///
  /// - Throws: ``StagingError`` that names the line, the key path, the value and what was expected.
  public func recipe() throws -> Recipe { try recipe(began: TrainingProgress()) }

  /// Decodes the recipe of a run that goes on with a training.
  ///
  /// - Parameter began: how far that training had come when the run began; `stop.further` counts from
  ///   there.
  /// - Throws: as ``recipe()``.
  func recipe(began: TrainingProgress) throws -> Recipe {
    try document().decode { try Recipe($0, base: directory, began: began) }
  }

  private func document() throws -> RecipeDocument {
    var document = try RecipeDocument(yaml: text, name: name)
    for override in overrides { try document.apply(override) }
    return document
  }

  /// Does something, and names file and line, or the override, in errors that complain of a key of the recipe.
  ///
  /// - Throws: what `body` does.
  func placing<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as StagingError { throw placed(error) }
  }

  private func placed(_ error: StagingError) -> StagingError {
    let isNamed = error.subject.hasPrefix("\(name): ")
    let path = isNamed ? String(error.subject.dropFirst(name.count + 2)) : error.subject
    let codes: [StagingError.Code] = [.invalidValue, .missingKey, .dataUnavailable]
    guard codes.contains(error.code),
      let place = try? document().place(of: path)
    else { return error }
    var result = error
    result.subject = "\(place): \(path)"
    return result
  }
}
