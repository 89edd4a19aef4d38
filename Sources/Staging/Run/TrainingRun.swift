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
  /// What the run keeps beside its recipe.
  public internal(set) var manifest: RunManifest
  /// What this session changes of a run that has begun; nil for nothing.
  var change: String?
  /// The step of the checkpoint that this session goes back to; nil for the newest whole one.
  var earlierStep: Int?
  /// Newer checkpoints than the one that the run begins with that are damaged.
  public internal(set) var passedOver: [PassedOverCheckpoint] = []

  /// Threads that the run's engine has had so far; nil for all of the machine's.
  public var threads: Int? { manifest.threads }

  private init(
    _ directory: RunDirectory, _ file: RecipeFile, _ recipe: Recipe, _ plan: RunPlan?,
    _ manifest: RunManifest, change: String? = nil
  ) {
    self.directory = directory
    recipeFile = file
    var recipe = recipe
    recipe.stages = plan?.stages ?? []
    self.recipe = recipe
    self.plan = plan
    self.manifest = manifest
    self.change = change
  }

  /// Makes a run's directory, after checking as much of the recipe as can be without its data, and
  /// planning its stages where the recipe leaves them to a planner.
  ///
  /// - Parameters:
  ///   - url: a directory that does not exist or is empty.
  ///   - checkpoint: a checkpoint that the run begins with, or a run whose newest whole one is
  ///     taken; for its weights, any Hugging Face directory.
  ///   - part: what the run takes of the checkpoint.
  ///   - patterns: names of the checkpoint's tensors that are no part of the model and are passed over.
  ///   - threads: what the engine will have; nil for all of the machine's.
  /// - Throws: ``StagingError``; of code `runExists` where the directory holds anything,
  ///   `incompatibleCheckpoint` where the checkpoint is not the recipe's model; errors of reading the
  ///   checkpoint; `PlanningError` where no plan can be made or read.
  public static func create(
    _ url: URL, recipe file: RecipeFile, startingFrom checkpoint: URL? = nil,
    with part: CheckpointPart = .weights, ignoring patterns: [String] = [], threads: Int? = nil
  ) throws -> TrainingRun {
    let directory = RunDirectory(url)
    let checkpoint = checkpoint.map(CheckpointStore.resolvingLatest)
    try directory.checkVacant()
    if part == .wholeState { try checkpoint.map(StartingState.refuseWeightsAlone) }
    // Checksums of one that is named itself are compared when it is read.
    let location = try checkpoint.map { try ModelLocation(of: $0, verifying: .sizes) }
    let status = try part == .wholeState ? location.map { try StartingState.status(in: $0) } : nil
    let recipe = try file.recipe(began: status?.progress ?? TrainingProgress())
    try recipe.checkCompleteness(startsFromCheckpoint: checkpoint != nil, name: file.name)
    if let location { try StartingWeights.check(location.url, for: recipe, ignoring: patterns) }
    if let status { try recipe.training.checkGoesOn(from: status, name: file.name) }
    let plan = try recipe.settledStages(name: file.name)
    try makeDirectories(directory.url)
    try OutputFile.replace(directory.recipe, with: Data(file.text.utf8))
    try plan?.write(to: directory.plan)
    var manifest = RunManifest(
      recipe: file, startedFrom: location?.url, with: part, began: status?.progress,
      threads: threads)
    manifest.sourceHash = try location.map { try SourceHash.of($0.url) }
    manifest.planHash = try plan.map { FileDigest(of: try $0.encoded()).sha256 }
    manifest.ignoredTensors = patterns.isEmpty ? nil : patterns
    // Last, since it makes the directory a run.
    try manifest.write(to: directory.manifest)
    var run = TrainingRun(directory, file, recipe, plan, manifest)
    run.passedOver = location?.passedOver ?? []
    return run
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
      return (TrainingRun(directory, file, recipe, plan, manifest), nil)
    } catch let error as StagingError {
      return (TrainingRun(directory, file, recipe, nil, manifest), error)
    }
  }

  /// Opens a run to go on with it, which ``train(engine:observer:isInterrupted:)`` then does from
  /// its newest whole checkpoint.
  ///
  /// - Parameters:
  ///   - given: the recipe, if the caller has it, which must be the run's.
  ///   - overrides: values to set from here on; all but the model, its tokenizer, its data and the
  ///     seed may change.
  ///   - threads: what the engine will have from here on; nil for what it had.
  ///   - step: the step of an earlier checkpoint to go back to: what came after it is set aside in the
  ///     run's directory when training begins. nil for the newest whole one.
  ///   - fromBeginning: whether to begin the run anew; what it has trained is moved aside, into
  ///     `old-1` or the next number that is free.
  /// - Throws: ``StagingError``; of code `runUnavailable` where the recipe or the plan that the run
  ///   keeps is not the one that it began with.
  public static func resume(
    _ url: URL, recipe given: RecipeFile? = nil, overrides: [RecipeOverride] = [],
    threads: Int? = nil, fromStep step: Int? = nil, fromBeginning: Bool = false
  ) throws -> TrainingRun {
    var run = try open(url)
    if let problem = run.keptFileProblems().first { throw problem }
    run.earlierStep = step
    if let step { _ = try run.checkpoint(ofStep: step) }
    if let given, given.text != run.recipeFile.text {
      throw StagingError(
        .runUnavailable,
        "the run was made with another text of this recipe, kept as \(run.directory.recipe.path); "
          + "resume without naming a recipe, change single values with --set, or begin a new run",
        subject: given.name)
    }
    if fromBeginning {
      guard step == nil else {
        throw StagingError(
          .runUnavailable, "begins anew or goes back to step \(step ?? 0), not both",
          subject: url.path)
      }
      let lock = try RunLock(run.directory)
      _ = try withExtendedLifetime(lock) { try run.directory.setTrainingAside() }
    }
    return try run.changed(by: overrides, threads: threads)
  }

  /// What is wrong with the recipe and the plan that the run keeps; nothing for a run of before their
  /// hashes were kept.
  func keptFileProblems() -> [StagingError] {
    var problems: [StagingError] = []
    if let hash = manifest.recipeHash,
      hash != FileDigest(of: Data(recipeFile.text.utf8)).sha256
    {
      problems.append(
        StagingError(
          .runUnavailable,
          "was edited since the run began, which nothing of what was trained tells. Undo the edit; "
            + "change values of a run with --set key.path=value, which its log records; or begin a "
            + "new run with the edited recipe and --continue-from \(directory.path)",
          subject: directory.recipe.path(percentEncoded: false)))
    }
    if let hash = manifest.planHash, hash != (try? FileDigest(of: directory.plan).sha256) {
      problems.append(
        StagingError(
          .runUnavailable,
          "was changed or lost since the run began, and the stages so far followed it; put it back "
            + "as it was, or begin a new run",
          subject: directory.plan.path(percentEncoded: false)))
    }
    return problems
  }

  /// The run with values set from here on.
  private func changed(by overrides: [RecipeOverride], threads: Int?) throws -> TrainingRun {
    var file = recipeFile
    file.overrides += overrides
    let began = manifest.began ?? TrainingProgress()
    let (old, recipe) = (try recipeFile.recipe(began: began), try file.recipe(began: began))
    try old.checkResumable(as: recipe, overrides)
    // A repeated command names the same values again; only what changes something is kept.
    let change = recipe == old ? nil : overrides
    if change == nil { file.overrides = recipeFile.overrides }
    var manifest = manifest
    manifest.overrides = file.overrides
    manifest.threads = threads ?? manifest.threads
    if manifest != self.manifest { try manifest.write(to: directory.manifest) }
    var run = TrainingRun(
      directory, file, recipe, plan, manifest,
      change: change?.map(\.description).joined(separator: ", "))
    run.earlierStep = earlierStep
    return run
  }
}

extension Recipe {
  /// The stages of a new run; nil for a run of one model.
  ///
  /// - Parameter name: the recipe's file, for messages.
  func settledStages(name: String) throws -> RunPlan? {
    do {
      return try StageResolution(self)?.plan()
    } catch let error as StagingError where planning != nil {
      throw StagingError(error.code, error.message, subject: "\(name): \(error.subject)")
    } catch let error as PlanningError {
      throw StagingError(
        error.code == .fileUnavailable ? .dataUnavailable : .invalidValue,
        "no stages can be planned: \(error.subject == "stages" ? error.message : "\(error)")",
        subject: "\(name): stages")
    }
  }

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
          .invalidValue, "stages begin with a model of their own; --from does not go with them",
          subject: "\(name): stages")
      }
      return
    }
    guard let model else { throw missing("model", "the model's architecture and sizes") }
    let least: ModelConfiguration
    switch (data.source, tokenizer) {
    case (.texts, nil): throw missing("tokenizer", "kind: bpe, file or bytes")
    case (_, .bytes?):
      least = try model.configuration(tokenizerVocabularySize: ByteTokenizer().vocabularySize)
    // Sizes that contradict each other are found before the text is prepared.
    default: least = try model.configuration(tokenizerVocabularySize: model.vocabularySize ?? 257)
    }
    // So are those that no memory holds.
    try TrainingMemory.check(least, training, subject: "\(name): model")
  }

  /// Checks that a run of this recipe may go on with another.
  func checkResumable(as new: Recipe, _ overrides: [RecipeOverride]) throws {
    let fixed = [
      ("model", model == new.model), ("tokenizer", tokenizer == new.tokenizer),
      ("data", data == new.data), ("seed", training.seed == new.training.seed),
      ("parametrization", training.parametrization == new.training.parametrization),
      ("stages", stages == new.stages && planning == new.planning),
    ]
    guard let (key, _) = fixed.first(where: { !$0.1 }) else { return }
    let subject = overrides.last { $0.keyPath.first == key }.map { "--set \($0)" } ?? key
    throw StagingError(
      .invalidOverride,
      "a run cannot change its \(key) midway; begin a new run (--from takes over the weights)",
      subject: subject)
  }
}
