// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Tensors
import Testing

@Suite("Runs that cannot be made or resumed")
struct TrainingRunErrorTests {
  @Test("a run is not overwritten")
  func existingRun() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 1)
    let error = #expect(throws: StagingError.self) { try place.create() }
    #expect(error?.code == .runExists)
    #expect(
      error?.message
        == "there is a run here already; continue it with --resume, or choose another directory")
  }

  @Test("a directory with other things in it is left alone")
  func otherFiles() throws {
    let place = try Workplace()
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.create(place.url, recipe: try place.recipeFile())
    }
    #expect(
      error?.message
        == "the directory is not empty (corpus.txt); choose a new one, which will be made")
  }

  @Test(
    "sizes that no memory holds are refused before anything is made",
    arguments: [
      ["model.hidden=100000", "model.heads=100"], ["model.context=268435456"],
      ["model.vocabulary=268435456", "model.hidden=4096"],
      ["model.layers=65536", "model.hidden=4096"],
      ["batch.accumulate=16777216", "batch.sequences=16777216"],
    ])
  func tooLarge(_ overrides: [String]) throws {
    let place = try Workplace()
    let error = #expect(throws: TensorsError.self) { try place.create(overrides) }
    #expect(error?.code == .insufficientMemory)
    #expect(error?.message.contains("would take") ?? false)
    #expect(!FileManager.default.fileExists(atPath: place.run.path))
  }

  @Test("what a killed creation left is taken over")
  func killedCreation() throws {
    let place = try Workplace()
    try FileManager.default.createDirectory(at: place.run, withIntermediateDirectories: true)
    try Data("version: 1".utf8).write(to: RunDirectory(place.run).recipe)
    #expect(throws: Never.self) { try place.create() }
  }

  @Test("a recipe with a mistake leaves no directory")
  func badRecipe() throws {
    let place = try Workplace()
    #expect(throws: StagingError.self) { try place.create(["model.layers=many"]) }
    #expect(!FileManager.default.fileExists(atPath: place.run.path))
  }

  @Test(
    "a new run needs a model and, for texts, a tokenizer",
    arguments: [
      (
        "model:",
        "recipe.yaml: model: this key is missing; expected the model's architecture and sizes, or "
          + "--from a checkpoint"
      ),
      (
        "tokenizer:",
        "recipe.yaml: tokenizer: this key is missing; expected kind: bpe, file or bytes, or --from a "
          + "checkpoint"
      ),
    ])
  func incompleteRecipe(key: String, message: String) throws {
    let place = try Workplace()
    let text = Workplace.recipe.split(separator: "\n").filter { !$0.hasPrefix(key) }
      .joined(separator: "\n")
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
    }
    #expect(error?.description == message)
  }

  @Test("a directory without a run cannot be resumed")
  func noRun() throws {
    let place = try Workplace()
    let error = #expect(throws: StagingError.self) { try TrainingRun.resume(place.run) }
    #expect(error?.code == .runUnavailable)
    #expect(
      error?.message == "there is no run here; expected run.json, which `espalier train` writes")
  }

  @Test("another recipe's run is not resumed")
  func otherRecipe() throws {
    let place = try Workplace()
    _ = try place.create()
    let other = try place.recipeFile(Workplace.recipe + "\n# changed\n")
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.resume(place.run, recipe: other)
    }
    #expect(error?.code == .runUnavailable)
    #expect(error?.message.hasPrefix("the run was made with another text of this recipe") == true)
    #expect(throws: Never.self) {
      try TrainingRun.resume(place.run, recipe: try place.recipeFile())
    }
  }

  @Test(
    "model, tokenizer, data and seed cannot change midway",
    arguments: [
      ("model.layers=2", "model"), ("tokenizer={kind: bpe, vocabulary: 300}", "tokenizer"),
      ("data.order=sequential", "data"), ("seed=6", "seed"),
    ])
  func fixedParts(override: String, key: String) throws {
    let place = try Workplace()
    _ = try place.create()
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.resume(
        place.run, overrides: [try RecipeOverride(parsing: override)])
    }
    #expect(
      error?.description
        == "--set \(override): a run cannot change its \(key) midway; begin a new run (--from takes "
        + "over the weights)")
    // And nothing of it stays.
    #expect(try TrainingRun.open(place.run).manifest.overrides.isEmpty)
  }

  @Test("a run is trained by one process at a time")
  func busy() throws {
    let place = try Workplace()
    let run = try place.create()
    let descriptor = open(
      place.run.appending(path: ".lock").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    defer { close(descriptor) }
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    let error = #expect(throws: StagingError.self) { try run.trainForTest() }
    #expect(error?.code == .runBusy)
  }

  @Test("a missing text is named")
  func missingText() throws {
    let place = try Workplace()
    let run = try place.create(["data.train=nowhere.txt"])
    let error = #expect(throws: (any Error).self) { try run.trainForTest() }
    #expect("\(error.map { "\($0)" } ?? "")".contains("nowhere.txt"))
  }
}
