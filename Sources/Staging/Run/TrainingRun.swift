// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Planning
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
  /// The recipe; where stages are planned, with those that were found.
  public let recipe: Recipe
  /// The stages as they were settled when the run began; nil for a run of one model.
  public let plan: RunPlan?
  /// The model of each stage; nil where a checkpoint alone brings the model, or files are damaged.
  let models: RunModels?
  /// What the run keeps beside its recipe.
  public internal(set) var manifest: RunManifest
  /// What this session changes of a run that has begun; nil for nothing.
  var change: String?
  /// The step of the checkpoint that this session goes back to; nil for the newest whole one.
  var earlierStep: Int?
  /// Whether this session begins the run anew, with what was trained moved aside.
  var beginsAnew = false
  /// Newer checkpoints than the one that the run begins with that are damaged.
  public internal(set) var passedOver: [PassedOverCheckpoint] = []

  /// Threads that the run's engine has had so far; nil for all of the machine's.
  public var threads: Int? { manifest.threads }

  /// The word for the engine that the run has had so far; nil for the embedded one.
  public var engine: String? { manifest.engine }

  /// Sets the word by which the engine is found again; it is kept once training begins.
  public mutating func remember(engine word: String?) { manifest.engine = word }

  init(
    _ directory: RunDirectory, _ file: RecipeFile, _ recipe: Recipe,
    settled: (plan: RunPlan?, models: RunModels?), manifest: RunManifest
  ) {
    self.directory = directory
    recipeFile = file
    (plan, models) = settled
    var recipe = recipe
    recipe.stages = plan?.stages ?? []
    self.recipe = recipe
    self.manifest = manifest
  }

  /// Makes a run's directory, after checking as much of the recipe as can be without its data, and
  /// planning its stages where the recipe leaves them to a planner.
  ///
  /// - Parameters:
  ///   - url: a directory that does not exist or is empty, or that of a run that never took a step, as where
  ///     its text was not found: this one takes its place.
  ///   - checkpoint: a checkpoint that the run begins with, or a run whose newest whole one is
  ///     taken; for its weights, any Hugging Face directory.
  ///   - part: what the run takes of the checkpoint.
  ///   - patterns: names of the checkpoint's tensors that are no part of the model and are passed over.
  ///   - threads: what the engine will have; nil for all of the machine's.
  ///   - engine: the word by which the engine is found again; nil for the embedded one.
  /// - Throws: ``StagingError``; of code `runExists` where the directory holds anything,
  ///   `incompatibleCheckpoint` where the checkpoint is not the recipe's model; errors of reading the
  ///   checkpoint; `PlanningError` where no plan can be made or read.
  public static func create(
    _ url: URL, recipe file: RecipeFile, startingFrom checkpoint: URL? = nil,
    with part: CheckpointPart = .weights, ignoring patterns: [String] = [], threads: Int? = nil,
    engine: String? = nil
  ) throws -> TrainingRun {
    let directory = RunDirectory(url)
    let checkpoint = checkpoint.map(CheckpointStore.resolvingLatest)
    try directory.checkVacant()
    if part == .wholeState { try checkpoint.map(StartingCheckpoint.refuseWeightsAlone) }
    // Checksums of one that is named itself are compared when it is read.
    let location = try checkpoint.map { try ModelLocation(of: $0, verifying: .sizes) }
    let status = try part == .wholeState ? location.map(StartingCheckpoint.status(in:)) : nil
    let recipe = try file.recipe(began: status?.progress ?? TrainingProgress())
    try file.placing {
      try recipe.checkCompleteness(startsFromCheckpoint: checkpoint != nil, name: file.name)
    }
    if let location {
      try StartingCheckpoint.check(location.url, for: recipe, ignoring: patterns)
    }
    if let status { try recipe.training.checkGoesOn(from: status, name: file.name) }
    let settled = try file.placing {
      try recipe.settled(name: file.name, startsFromCheckpoint: location != nil)
    }
    try makeDirectories(directory.url)
    // Whoever trains a run that has not begun has its lock.
    let lock = directory.holdsRun ? try RunLock(directory) : nil
    defer { withExtendedLifetime(lock) {} }
    try directory.removeUnbegun()
    try OutputFile.replace(directory.recipe, with: Data(file.text.utf8))
    try settled.plan?.write(to: directory.plan)
    var manifest = RunManifest(
      recipe: file, startedFrom: location?.url, with: part, began: status?.progress,
      threads: threads, engine: engine)
    manifest.sourceHash = try location.map { try SourceHash.of($0.url) }
    manifest.planHash = try settled.plan.map { FileDigest(of: try $0.encoded()).sha256 }
    manifest.ignoredTensors = patterns.isEmpty ? nil : patterns
    // Last, since it makes the directory a run.
    try manifest.write(to: directory.manifest)
    var run = TrainingRun(directory, file, recipe, settled: settled, manifest: manifest)
    run.passedOver = location?.passedOver ?? []
    return run
  }

  /// Makes the directory of a run whose recipe was built in Swift.
  ///
  /// The run is that of the same recipe in YAML, which its directory gets; all else is as with a recipe's file.
  ///
  ///     let run = try TrainingRun.create(directory, recipe: recipe)
  ///     let summary = try run.train(engine: CPUTrainingEngine())
  ///
  /// - Throws: as with a file, and as ``RecipeFile/init(_:name:)``.
  public static func create(
    _ url: URL, recipe: Recipe, startingFrom checkpoint: URL? = nil,
    with part: CheckpointPart = .weights, ignoring patterns: [String] = [], threads: Int? = nil,
    engine: String? = nil
  ) throws -> TrainingRun {
    try create(
      url, recipe: RecipeFile(recipe), startingFrom: checkpoint, with: part, ignoring: patterns,
      threads: threads, engine: engine)
  }

  /// Opens a run as it stands.
  ///
  /// - Throws: ``StagingError``; of code `runUnavailable` where there is none.
  public static func open(_ url: URL) throws -> TrainingRun {
    let (run, problems) = try opened(url)
    if let problem = problems.first { throw problem }
    return run
  }

  /// The run as it stands, without its plan where that cannot be read, and what is wrong with its files.
  static func opened(_ url: URL) throws -> (run: TrainingRun, problems: [StagingError]) {
    let directory = RunDirectory(url)
    let (manifest, damage) = try RunManifest.read(directory.manifest)
    do {
      let (run, problem) = try opened(directory, manifest)
      return (run, [damage, problem].compactMap { $0 })
    } catch {
      // What a damaged file says may be no recipe any more.
      throw damage ?? error
    }
  }

  private static func opened(
    _ directory: RunDirectory, _ manifest: RunManifest
  ) throws -> (run: TrainingRun, planProblem: StagingError?) {
    var file = try RecipeFile(contentsOf: directory.recipe, overrides: manifest.overrides)
    file.name = manifest.recipeName
    file.directory = URL(filePath: manifest.recipeDirectory, directoryHint: .isDirectory)
    let recipe = try file.recipe(began: manifest.began ?? TrainingProgress())
    do {
      let plan = try RunPlan.kept(in: directory, for: recipe)
      let models = try recipe.models(
        following: plan,
        // A checkpoint's model has the checkpoint's vocabulary.
        tokenizerVocabularySize: manifest.startedFrom == nil
          ? directory.tokensVocabularySize ?? recipe.tokenizerVocabularySize : nil)
      return (
        TrainingRun(directory, file, recipe, settled: (plan, models), manifest: manifest), nil
      )
    } catch let error as StagingError {
      return (
        TrainingRun(directory, file, recipe, settled: (nil, nil), manifest: manifest), error
      )
    }
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
      guard stages.isEmpty, planning == nil else {
        throw StagingError(
          .invalidValue,
          "stages begin with a model of their own; --from and --continue-from do not go with them",
          subject: "\(name): stages")
      }
      return
    }
    guard model != nil else { throw missing("model", "the model's architecture and sizes") }
    if case .texts = data.source, tokenizer == nil {
      throw missing("tokenizer", "kind: bpe, file or bytes")
    }
  }
}
