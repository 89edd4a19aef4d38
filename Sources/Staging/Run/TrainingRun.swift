// SPDX-License-Identifier: Apache-2.0
import Foundation
import Text
import Training

/// A recipe's training in a directory of its own: made once, trained in one session or many.
///
///     let run = try TrainingRun.create(directory, recipe: try RecipeFile(contentsOf: recipe))
///     let summary = try run.train(engine: engine) { event in … }
///
/// Nothing here prints; what happens is told to an observer.
public struct TrainingRun: Sendable {
  /// Where the run lies.
  public let directory: RunDirectory
  /// The recipe as it was given, with every override so far.
  public let recipeFile: RecipeFile
  /// The recipe.
  public let recipe: Recipe
  /// What the run keeps beside its recipe.
  public internal(set) var manifest: RunManifest
  /// What this session changes of a run that has begun; nil for nothing.
  var change: String?

  /// Threads that the run's engine has had so far; nil for all of the machine's.
  public var threads: Int? { manifest.threads }

  /// Makes a run's directory, after checking as much of the recipe as can be without its data.
  ///
  /// - Parameters:
  ///   - url: a directory that does not exist or is empty.
  ///   - checkpoint: a checkpoint that the run begins with; for its weights, any Hugging Face
  ///     directory.
  ///   - part: what the run takes of the checkpoint.
  ///   - threads: what the engine will have; nil for all of the machine's.
  /// - Throws: ``StagingError``; of code `runExists` where the directory holds anything,
  ///   `incompatibleCheckpoint` where the checkpoint is not the recipe's model; errors of reading the
  ///   checkpoint.
  public static func create(
    _ url: URL, recipe file: RecipeFile, startingFrom checkpoint: URL? = nil,
    with part: CheckpointPart = .weights, threads: Int? = nil
  ) throws -> TrainingRun {
    let directory = RunDirectory(url)
    try directory.checkVacant()
    let recipe = try file.recipe()
    try recipe.checkCompleteness(startsFromCheckpoint: checkpoint != nil, name: file.name)
    if let checkpoint {
      try StartingWeights.check(checkpoint, for: recipe)
      if part == .wholeState { try StartingState.check(checkpoint) }
    }
    try FileManager.default.createDirectory(at: directory.url, withIntermediateDirectories: true)
    try Data(file.text.utf8).write(to: directory.recipe, options: .atomic)
    let manifest = RunManifest(
      recipe: file, startedFrom: checkpoint, with: part, threads: threads)
    try manifest.write(to: directory.manifest)
    return TrainingRun(
      directory: directory, recipeFile: file, recipe: recipe, manifest: manifest, change: nil)
  }

  /// Opens a run as it stands.
  ///
  /// - Throws: ``StagingError``; of code `runUnavailable` where there is none.
  public static func open(_ url: URL) throws -> TrainingRun {
    let directory = RunDirectory(url)
    let manifest = try RunManifest(readingFrom: directory.manifest)
    var file = try RecipeFile(contentsOf: directory.recipe, overrides: manifest.overrides)
    file.name = manifest.recipeName
    file.directory = URL(filePath: manifest.recipeDirectory, directoryHint: .isDirectory)
    return TrainingRun(
      directory: directory, recipeFile: file, recipe: try file.recipe(), manifest: manifest,
      change: nil)
  }

  /// Opens a run to go on with it, which ``train(engine:observer:isInterrupted:)`` then does from
  /// its newest whole checkpoint.
  ///
  /// - Parameters:
  ///   - given: the recipe, if the caller has it, which must be the run's.
  ///   - overrides: values to set from here on; all but the model, its tokenizer, its data and the
  ///     seed may change.
  ///   - threads: what the engine will have from here on; nil for what it had.
  /// - Throws: ``StagingError``.
  public static func resume(
    _ url: URL, recipe given: RecipeFile? = nil, overrides: [RecipeOverride] = [],
    threads: Int? = nil
  ) throws -> TrainingRun {
    let run = try open(url)
    if let given, given.text != run.recipeFile.text {
      throw StagingError(
        .runUnavailable,
        "the run was made with another text of this recipe, kept as \(run.directory.recipe.path); "
          + "resume without naming a recipe, change single values with --set, or begin a new run",
        subject: given.name)
    }
    return try run.changed(by: overrides, threads: threads)
  }

  /// The run with values set from here on.
  private func changed(by overrides: [RecipeOverride], threads: Int?) throws -> TrainingRun {
    var file = recipeFile
    file.overrides += overrides
    let recipe = try file.recipe()
    try self.recipe.checkResumable(as: recipe, overrides)
    // A repeated command names the same values again; only what changes something is kept.
    let change = recipe == self.recipe ? nil : overrides
    if change == nil { file.overrides = recipeFile.overrides }
    var manifest = manifest
    manifest.overrides = file.overrides
    manifest.threads = threads ?? manifest.threads
    if manifest != self.manifest { try manifest.write(to: directory.manifest) }
    return TrainingRun(
      directory: directory, recipeFile: file, recipe: recipe, manifest: manifest,
      change: change?.map(\.description).joined(separator: ", "))
  }
}

extension Recipe {
  /// Checks what a recipe may leave out only for a checkpoint to bring.
  func checkCompleteness(startsFromCheckpoint: Bool, name: String) throws {
    func missing(_ key: String, _ expected: String) -> StagingError {
      StagingError(
        .missingKey, "this key is missing; expected \(expected), or --from a checkpoint",
        subject: "\(name): \(key)")
    }
    if startsFromCheckpoint {
      guard stages.isEmpty else {
        throw StagingError(
          .invalidValue, "stages begin with a model of their own; --from does not go with them",
          subject: "\(name): stages")
      }
      return
    }
    guard let model else { throw missing("model", "the model's architecture and sizes") }
    switch (data.source, tokenizer) {
    case (.texts, nil): throw missing("tokenizer", "kind: bpe, file or bytes")
    case (_, .bytes?):
      _ = try model.configuration(tokenizerVocabularySize: ByteTokenizer().vocabularySize)
    // Sizes that contradict each other are found before the text is prepared.
    default: _ = try model.configuration(tokenizerVocabularySize: model.vocabularySize ?? 257)
    }
  }

  /// Checks that a run of this recipe may go on with another.
  func checkResumable(as new: Recipe, _ overrides: [RecipeOverride]) throws {
    let fixed = [
      ("model", model == new.model), ("tokenizer", tokenizer == new.tokenizer),
      ("data", data == new.data), ("seed", training.seed == new.training.seed),
      ("stages", stages == new.stages),
    ]
    guard let (key, _) = fixed.first(where: { !$0.1 }) else { return }
    let subject = overrides.last { $0.keyPath.first == key }.map { "--set \($0)" } ?? key
    throw StagingError(
      .invalidOverride,
      "a run cannot change its \(key) midway; begin a new run (--from takes over the weights)",
      subject: subject)
  }
}
