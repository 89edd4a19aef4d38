// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import RunLogs
import Staging
import Testing
import Training

@Suite("Runs that have nothing left to do")
struct ContinuingTests {
  /// A run of twelve steps.
  private func finished() throws -> Workplace {
    let place = try Workplace()
    try place.create().trainForTest()
    return place
  }

  private func continued(
    _ first: Workplace, _ overrides: [String], in place: Workplace
  ) throws -> TrainingRun {
    try TrainingRun.create(
      place.run, recipe: try place.recipeFile(Workplace.recipe, overrides),
      startingFrom: first.checkpoints.url(step: 12), with: .wholeState)
  }

  @Test(
    "a length that the checkpoint has behind it is refused with what to write",
    arguments: [
      ("stop.after=8 steps", "12 steps", "{further: 8 steps}", "{after: 20 steps}"),
      ("stop.after=12 steps", "12 steps", "{further: 12 steps}", "{after: 24 steps}"),
      ("stop.after=100 tokens", "tokens", "{further: 100 tokens}", "{after: "),
      ("stop.after=1e3 FLOPs", "FLOPs", "{further: 1000 FLOPs}", "{after: "),
      ("stop.after=0.000001 seconds", "seconds", "{further: 1e-06 seconds}", "{after: "),
    ])
  func nothingLeft(
    override: String, done: String, further: String, after: String
  ) throws {
    let place = try Workplace()
    let error = #expect(throws: StagingError.self) {
      try continued(finished(), [override, "schedule.total=1000 steps"], in: place)
    }
    #expect(error?.code == .incompatibleCheckpoint)
    #expect(error?.subject == "recipe.yaml: stop.after")
    for part in [done, further, after] {
      #expect(error?.message.contains(part) == true, "\(part): \(error?.message ?? "")")
    }
    #expect(!FileManager.default.fileExists(atPath: place.run.path))
  }

  @Test("the end of the schedule counts as the run's where there is no stop")
  func scheduleEnd() throws {
    let error = #expect(throws: StagingError.self) {
      try continued(finished(), [], in: Workplace())
    }
    #expect(error?.message.contains("{further: 12 steps}") == true)
  }

  @Test("a loss that is reached already, and a rate that is 0 for ever, are refused too")
  func lossAndRate() throws {
    let first = try finished()
    let loss = #expect(throws: StagingError.self) {
      try continued(first, ["stop={after: 20 steps, loss: 100}"], in: Workplace())
    }
    #expect(loss?.subject == "recipe.yaml: stop.loss")
    let rate = #expect(throws: StagingError.self) {
      try continued(first, ["stop={further: 8 steps}", "schedule.floor=0"], in: Workplace())
    }
    #expect(rate?.subject == "recipe.yaml: schedule.total")
    #expect(rate?.message.contains("the learning rate would be 0") == true)
  }

  @Test("further counts from where the run began, also after it was broken off")
  func further() throws {
    let first = try finished()
    let place = try Workplace()
    let run = try continued(
      first, ["stop={further: 5 steps}", "schedule.total=40 steps"], in: place)
    #expect(run.recipe.training.stop.after == .steps(17))
    #expect(try run.trainForTest(interruptingAfter: 2).outcome == .interrupted)
    let resumed = try TrainingRun.resume(place.run)
    #expect(resumed.recipe.training.stop.after == .steps(17))
    let summary = try resumed.trainForTest()
    #expect(summary.outcome == .finished && summary.steps == 17)
    #expect(try place.checkpoints.latestValid().item?.step == 17)
    #expect(try place.loggedSteps().map(\.step) == Array(13...17))
    // And further still.
    let more = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.further=7 steps")])
    #expect(try more.trainForTest().steps == 19)
  }

  @Test("settings of the training that the recipe replaces are told and logged by name, once")
  func replacedSettings() throws {
    let first = try Workplace()
    try first.create(["optimizer.beta2=0.999", "optimizer.epsilon=1e-6"]).trainForTest()
    let place = try Workplace()
    let run = try continued(
      first, ["stop={further: 5 steps}", "schedule.total=40 steps", "model.dropout=0.2"],
      in: place)
    let recorder = EventRecorder()
    try run.trainForTest(recorder: recorder, interruptingAfter: 2)
    let note = try #require(recorder.notes.first { $0.contains("The recipe replaces settings") })
    for part in [
      "optimizer.beta2 is 0.95, the checkpoint's is 0.999",
      "optimizer.epsilon is 1e-08, the checkpoint's is 1e-06",
      "schedule.total is 40 steps, the checkpoint's is 12 steps",
      "model.dropout is 0.2, the checkpoint's is 0.1",
    ] { #expect(note.contains(part), "\(part): \(note)") }
    #expect(!note.contains("beta1") && !note.contains("peak"))
    let again = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: again)
    #expect(!again.notes.contains { $0.contains("The recipe replaces") })
    let events = try RunLogReader.records(path: RunDirectory(place.run).log.path).compactMap {
      if case .event(let event) = $0, event.event == .continued { event } else { nil }
    }
    #expect(events.count == 1)
    guard case .text(let replaced)? = events.first?.details["replaced"] else {
      Issue.record("the log does not say what was replaced")
      return
    }
    #expect(replaced.contains("optimizer.beta2: 0.999 → 0.95"))
  }

  @Test("a recipe with the checkpoint's own settings is told nothing")
  func sameSettings() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    let text = Workplace.recipe.replacing("total: 12 steps", with: "total: 40 steps")
    let first = try Workplace()
    try TrainingRun.create(
      first.run, recipe: try first.recipeFile(text, ["stop.after=12 steps"])
    ).trainForTest()
    try TrainingRun.create(
      place.run, recipe: try place.recipeFile(text, ["stop={further: 2 steps}"]),
      startingFrom: first.checkpoints.url(step: 12), with: .wholeState
    ).trainForTest(recorder: recorder)
    #expect(!recorder.notes.contains { $0.contains("The recipe replaces") })
  }

  @Test("a run of one model that goes on with a staged one's state is no stage of anything")
  func afterStages() throws {
    let first = try Workplace()
    let staged = try TrainingRun.create(
      first.run, recipe: try first.recipeFile(StagedRunTests.recipe())
    ).trainForTest()
    let place = try Workplace()
    let text = StagedRunTests.recipe().split(separator: "stages:")[0]
    let summary = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(String(text), ["stop={further: 2 steps}"]),
      startingFrom: first.checkpoints.url(step: staged.steps), with: .wholeState
    ).trainForTest()
    #expect(summary.outcome == .finished && summary.stage == nil)
    #expect(summary.steps == staged.steps + 2)
  }

  @Test("the schedule of a run that says only how much further ends with it")
  func furtherSchedule() throws {
    let text =
      Workplace.recipe.replacing("total: 12 steps, ", with: "")
      + "\nstop: {further: 100 tokens}\n"
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(text),
      startingFrom: finished().checkpoints.url(step: 12), with: .wholeState)
    let total = try #require(run.recipe.training.schedule.total)
    #expect(total == run.recipe.training.stop.after && total.amount > 200)
    // A new run begins at 0.
    #expect(
      try place.recipeFile(text).recipe().training.stop.after == .tokens(100))
  }

  @Test("after and further exclude each other")
  func both() throws {
    let error = #expect(throws: StagingError.self) {
      try Workplace().create(["stop={after: 3 steps, further: 4 steps}"])
    }
    #expect(error?.description.contains("stop.further: after counts from the first step") == true)
  }

  @Test("resuming a finished run says that there is nothing to do")
  func finishedRun() throws {
    let place = try finished()
    let recorder = EventRecorder()
    let summary = try TrainingRun.resume(place.run).trainForTest(recorder: recorder)
    #expect(summary.outcome == .finished && recorder.stepCount == 0)
    #expect(recorder.notes.contains { $0.contains("came to its end before, at step 12") })
  }

  @Test("a resume with a length that is over is refused")
  func shorterResume() throws {
    let place = try finished()
    let run = try TrainingRun.resume(
      place.run, overrides: [try RecipeOverride(parsing: "stop.after=8 steps")])
    let error = #expect(throws: StagingError.self) { try run.trainForTest() }
    #expect(
      error?.description
        == "--set stop.after=8 steps: the run has trained for 12 steps already, and would be over "
        + "after 8 steps: nothing would be trained. Set stop.after to more than that")
  }
}
