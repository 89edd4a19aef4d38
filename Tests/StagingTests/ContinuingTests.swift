// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
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
