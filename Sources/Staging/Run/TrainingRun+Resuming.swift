// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Training

extension TrainingRun {
  /// Opens a run to go on with it, which ``train(engine:observer:isInterrupted:)`` then does from
  /// its newest whole checkpoint.
  ///
  /// Nothing in the directory changes before training begins, and nothing where that is refused.
  ///
  /// - Parameters:
  ///   - given: the recipe, if the caller has it, which must be the run's.
  ///   - overrides: values to set from here on; all but the model, its tokenizer, its data and the
  ///     seed may change.
  ///   - threads: what the engine will have from here on; nil for what it had.
  ///   - engine: the word for the engine from here on; nil for the one it had.
  ///   - step: the step of an earlier checkpoint to go back to: what came after it is set aside in the
  ///     run's directory when training begins. nil for the newest whole one.
  ///   - fromBeginning: whether to begin the run anew; what it has trained is moved aside, into
  ///     `old-1` or the next number that is free.
  /// - Throws: ``StagingError``; of code `runUnavailable` where the recipe or the plan that the run
  ///   keeps is not the one that it began with.
  public static func resume(
    _ url: URL, recipe given: RecipeFile? = nil, overrides: [RecipeOverride] = [],
    threads: Int? = nil, engine: String? = nil, fromStep step: Int? = nil,
    fromBeginning: Bool = false
  ) throws -> TrainingRun {
    var run = try open(url)
    if let problem = run.keptFileProblems().first { throw problem }
    run.earlierStep = step
    if let step { _ = try run.checkpoint(ofStep: step) }
    if let given, given.text != run.recipeFile.text {
      throw StagingError(
        .runUnavailable,
        "the run was made with another text of this recipe, kept as \(run.directory.recipe.path); "
          + (run.directory.hasBegun
            ? "resume without naming a recipe, change single values with --set, or begin a new run"
            : "it has not taken a step yet, so leave --resume out to begin it with this text"),
        subject: given.name)
    }
    if fromBeginning {
      guard step == nil else {
        throw StagingError(
          .runUnavailable, "begins anew or goes back to step \(step ?? 0), not both",
          subject: url.path)
      }
      run.beginsAnew = true
    }
    return try run.changed(by: overrides, threads: threads, engine: engine)
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
  private func changed(
    by overrides: [RecipeOverride], threads: Int?, engine: String?
  ) throws -> TrainingRun {
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
    manifest.engine = engine ?? manifest.engine
    var run = TrainingRun(
      directory, file, recipe, settled: (plan, models), manifest: manifest)
    run.change = change?.map(\.description).joined(separator: ", ")
    run.earlierStep = earlierStep
    run.beginsAnew = beginsAnew
    return run
  }

  /// The checkpoint of a step.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable` that names the steps there are.
  func checkpoint(ofStep step: Int) throws -> CheckpointStore.Item {
    let items = try CheckpointStore(directory.checkpoints).list()
    if let item = items.first(where: { $0.step == step }) { return item }
    let steps = items.map { String($0.step) }.joined(separator: ", ")
    throw StagingError(
      .runUnavailable,
      "there is no checkpoint of step \(step); "
        + (items.isEmpty ? "the run has none yet" : "those there are have the steps \(steps)"),
      subject: directory.checkpoints.path(percentEncoded: false))
  }

  /// Sets aside what came after a checkpoint, so that the run goes on from there: later checkpoints,
  /// growths and stages, and a copy of the log.
  ///
  /// Nothing is deleted.
  func goBack(toStep step: Int, _ observer: RunObserver) throws {
    let item = try checkpoint(ofStep: step)
    let later = try CheckpointStore(directory.checkpoints).list().filter { $0.step > step }
    let stage = try TrainingState.status(in: item.url).stage?.index ?? 0
    let items = laterStages(than: stage) + later.map(\.url)
    guard !items.isEmpty else { return }
    let aside = try directory.setAside(
      items, copying: directory.log, to: directory.vacant("", in: directory.abandoned))
    observer.note(
      "Going back to step \(step); what came after it is kept in "
        + "\(aside.path(percentEncoded: false))")
  }

  /// The last states and the receipts of growths that the run has come past a stage's to.
  private func laterStages(than index: Int) -> [URL] {
    RunDirectory.names(in: directory.stages).sorted().filter { name in
      guard let number = name.split(separator: "-").last.flatMap({ Int($0) }) else { return false }
      return !name.hasPrefix(".") && number > index
    }.map { directory.stages.appending(path: $0, directoryHint: .isDirectory) }
  }
}

extension Recipe {
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
