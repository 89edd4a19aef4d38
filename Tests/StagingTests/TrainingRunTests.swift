// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import RunLogs
import Staging
import Testing
import Training

@Suite("Runs")
struct TrainingRunTests {
  @Test("a run trains to its end, logs each step and keeps the newest checkpoints")
  func wholeRun() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    let summary = try place.create().trainForTest(recorder: recorder)
    #expect(summary.outcome == .finished)
    #expect(summary.steps == 12)
    let steps = try place.loggedSteps()
    #expect(steps.map(\.step) == Array(1...12))
    #expect(steps.last?.loss == summary.loss?.bitPattern)
    #expect(try place.checkpoints.list().map(\.step) == [8, 10, 12])
    #expect(summary.checkpoint?.hasSuffix("checkpoints/step-00000012") == true)
    #expect(try #require(summary.validationLoss) < 5.55)  // ln 257, what guessing gives

    let recipe = try String(
      contentsOf: RunDirectory(place.run).recipe, encoding: .utf8)
    #expect(recipe == Workplace.recipe)
    guard case .ready(let outline)? = recorder.all.first(where: \.isReady) else {
      Issue.record("the run never told that it was ready")
      return
    }
    #expect(outline.engine == "cpu")
    #expect(outline.length == .steps(12))
    #expect(outline.resumedFrom == nil)
    #expect(outline.peak ?? 0 > 0)
  }

  @Test("a run broken off anywhere goes on bit for bit", arguments: [1, 2, 3, 7, 11])
  func resume(steps: Int) throws {
    let whole = try Workplace()
    try whole.create().trainForTest()

    let broken = try Workplace()
    let first = try broken.create().trainForTest(interruptingAfter: steps)
    #expect(first.outcome == .interrupted)
    #expect(first.steps == steps)
    let second = try TrainingRun.resume(broken.run).trainForTest()
    #expect(second.outcome == .finished)

    #expect(try broken.loggedSteps() == whole.loggedSteps())
    #expect(
      try Data(contentsOf: broken.checkpoints.url(step: 12).appending(path: "model.safetensors"))
        == Data(contentsOf: whole.checkpoints.url(step: 12).appending(path: "model.safetensors")))
  }

  @Test("a run interrupted before its first step begins at the beginning")
  func interruptedAtOnce() throws {
    let place = try Workplace()
    let first = try place.create().trainForTest(interruptingAfter: 0)
    #expect(first.outcome == .interrupted)
    #expect(first.steps == 0)
    #expect(first.checkpoint == nil)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try place.loggedSteps().map(\.step) == Array(1...12))
  }

  @Test("a finished run stays as it is, and goes on where it may train longer")
  func resumeFinished() throws {
    let place = try Workplace()
    let first = try place.create().trainForTest()
    let again = try TrainingRun.resume(place.run).trainForTest()
    #expect(again.steps == 12)
    #expect(again.loss == first.loss)
    #expect(again.validationLoss == first.validationLoss)

    let longer = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.after=14 steps")])
    #expect(try longer.trainForTest().steps == 14)
    #expect(try place.loggedSteps().map(\.step) == Array(1...14))
    // Recorded, so that the next session knows.
    #expect(try TrainingRun.open(place.run).recipe.training.stop.after == .steps(14))
    let changes = try RunLogReader.records(path: RunDirectory(place.run).log.path).filter {
      guard case .event(let event) = $0 else { return false }
      return event.event == "changed" && event.details["overrides"] == "stop.after=14 steps"
    }
    #expect(changes.count == 1)
  }

  @Test("overrides count in the order given, and only those that change something are kept")
  func changesOfARun() throws {
    let place = try Workplace()
    try place.create(["stop.after=10 steps"]).trainForTest(interruptingAfter: 1)
    /// Goes on for a step, which keeps the change.
    func resume(_ override: String) throws -> TrainingRun {
      let run = try TrainingRun.resume(
        place.run, overrides: [try RecipeOverride(parsing: override)], threads: 1)
      try run.trainForTest(interruptingAfter: 1)
      return run
    }
    #expect(try resume("stop.after=10 steps").manifest.overrides.count == 1)
    #expect(try resume("stop.after=20 steps").recipe.training.stop.after == .steps(20))
    #expect(try resume("stop.after=10 steps").recipe.training.stop.after == .steps(10))
    let kept = try TrainingRun.open(place.run)
    #expect(kept.manifest.overrides.count == 3)
    #expect(kept.threads == 1)
  }

  @Test("a damaged checkpoint is named and the one before it used")
  func damagedCheckpoint() throws {
    let whole = try Workplace()
    try whole.create().trainForTest()

    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 8)
    let file = place.checkpoints.url(step: 8).appending(path: "model.safetensors")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: file)

    let recorder = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    let damaged = recorder.all.compactMap { event -> CheckpointStore.Damaged? in
      guard case .damagedCheckpoint(let damaged) = event else { return nil }
      return damaged
    }
    #expect(damaged.map(\.item.step) == [8])
    #expect(
      damaged.first?.description
        == "step-00000008: model.safetensors has changed: its SHA-256 is not the manifest's")
    #expect(try place.loggedSteps() == whole.loggedSteps())
  }

  @Test("a run whose checkpoints are all damaged says so")
  func onlyDamagedCheckpoints() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 2)
    let file = place.checkpoints.url(step: 2).appending(path: "config.json")
    try FileManager.default.removeItem(at: file)
    let run = try TrainingRun.resume(place.run)
    let error = #expect(throws: StagingError.self) { try run.trainForTest() }
    #expect(error?.code == .runUnavailable)
    #expect(error?.message.contains("config.json is missing") == true)
  }

  /// The first step leaves weights with which the second one's loss is infinite: its checkpoint is due,
  /// and is none that anybody should go on from.
  @Test("a run that diverges saves no weights that the next step cannot use")
  func nonFiniteLoss() throws {
    let place = try Workplace()
    let run = try place.create([
      "schedule={kind: constant, peak: 1e30}", "optimizer.clip=none", "stop.after=9 steps",
      "checkpoint.every=1 steps",
    ])
    let error = #expect(throws: TrainingError.self) { try run.trainForTest() }
    #expect(error?.code == .nonFiniteLoss)
    #expect(error?.subject == "step 2")
    #expect(error?.message.contains("no checkpoint was saved before it") == true)
    #expect(try place.checkpoints.list().isEmpty)

    // As the message advises.
    let lower = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "schedule.warmup=1M steps")])
    #expect(lower.recipe.training.schedule.warmup == .steps(1_000_000))
  }

  @Test("a run ends at the loss it should, and stays ended")
  func reachedLoss() throws {
    let place = try Workplace()
    let run = try place.create(["stop={after: 12 steps, loss: 100}"])
    let summary = try run.trainForTest()
    #expect(summary.outcome == .reachedLoss)
    #expect(summary.steps == 4)  // the first evaluation
    let again = try TrainingRun.resume(place.run).trainForTest()
    #expect(again.outcome == .reachedLoss)
    #expect(again.steps == 4)
    #expect(again.validationLoss == summary.validationLoss)
  }
}

extension TrainingRunEvent {
  var isReady: Bool {
    guard case .ready = self else { return false }
    return true
  }
}
