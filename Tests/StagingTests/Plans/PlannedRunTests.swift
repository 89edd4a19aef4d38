// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Planning
import RunLogs
import Staging
import Tensors
import Testing
import Training

@Suite("Runs whose stages are planned")
struct PlannedRunTests {
  private static let fitted = LawfulRuns.recipe(
    stages: "{auto: {fit: [\(LawfulRuns.names.joined(separator: ", "))]}}")

  private func create(_ place: Workplace, _ text: String) throws -> TrainingRun {
    try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
  }

  private func growths(_ place: Workplace) throws -> [EventRecord] {
    try RunLogReader.records(path: RunDirectory(place.run).log.path).compactMap {
      guard case .event(let event) = $0, event.event == .grown else { return nil }
      return event
    }
  }

  private func lastState(_ place: Workplace) throws -> TrainingState {
    let item = try #require(try place.checkpoints.latestValid().item)
    return try TrainingState(reading: item.url)
  }

  @Test("auto: the planner's stages are trained, grown where it says, and end with the schedule")
  func automatic() throws {
    let place = try Workplace()
    try LawfulRuns.make(in: place)
    let run = try create(place, Self.fitted)
    let settled = try #require(run.plan)
    let plan = try #require(settled.plan)
    #expect(settled.origin == .automatic)
    #expect(plan.stages.count > 1 && plan.stages.count == run.recipe.stages.count)
    #expect(plan.saving.share > 0.05)
    // What the law was made with is what the plan was made by.
    #expect(abs(plan.law.stepExponent - LawfulRuns.law.stepExponent) < 0.01)

    #expect(try run.trainForTest().outcome == .finished)
    let grown = try growths(place)
    #expect(grown.count == plan.stages.count - 1)
    var step = 0
    for (event, stage) in zip(grown, plan.stages) {
      step += stage.steps
      #expect(event.step == step)
      guard case .number(let ratio)? = event.details["scheduleRatio"] else {
        Issue.record("\(event.details)")
        continue
      }
      #expect(ratio == stage.growth?.growthRatio)
    }
    // The target stands at the end of its own schedule, whatever the small models' steps.
    let status = try lastState(place).status
    #expect((status.progress + status.position.offset).steps == 40)
    #expect(status.model.hiddenSize == 16 && status.model.layerCount == 2)
    // Schedules are moved by whole steps at each growth.
    let planned = plan.stages.reduce(0) { $0 + $1.steps }
    #expect(abs(status.progress.steps - planned) <= plan.stages.count)
  }

  @Test(
    "what was planned is kept: without the runs it was fitted to, a resume is the same bit for bit")
  func resume() throws {
    let whole = try Workplace()
    try LawfulRuns.make(in: whole)
    try create(whole, Self.fitted).trainForTest()
    let broken = try Workplace()
    try LawfulRuns.make(in: broken)
    let run = try create(broken, Self.fitted)
    try run.trainForTest(interruptingAfter: 3)
    try FileManager.default.removeItem(at: broken.url.appending(path: "pilots"))
    let resumed = try TrainingRun.resume(broken.run)
    #expect(resumed.plan == run.plan)
    #expect(try resumed.trainForTest().outcome == .finished)
    #expect(try broken.loggedSteps() == whole.loggedSteps())
    #expect(try growths(broken).count == growths(whole).count)
    let states = try [broken, whole].map { try lastState($0) }
    #expect(states[0].status.progress.steps == states[1].status.progress.steps)
    for (one, other) in zip(states[0].parameters, states[1].parameters) {
      #expect(one.value.bytes == other.value.bytes)
      #expect(one.firstMoment?.bytes == other.firstMoment?.bytes)
    }
  }

  @Test("a plan's file is followed, and is no longer needed once the run has begun")
  func planFile() throws {
    let place = try Workplace()
    let file = place.url.appending(path: "plan.json")
    let plan = try LawfulRuns.plan()
    #expect(plan.stages.count > 1)
    try LawfulRuns.write(plan, to: file)
    let run = try create(place, LawfulRuns.recipe(stages: "{plan: plan.json}"))
    #expect(run.plan?.origin == .plan && run.plan?.plan == plan)
    #expect(run.plan?.notes == [])
    try run.trainForTest(interruptingAfter: 2)
    // Another plan in its place changes nothing.
    try LawfulRuns.write(try LawfulRuns.plan { $0.stageCounts = 1...1 }, to: file)
    try TrainingRun.resume(place.run).trainForTest()
    #expect(try growths(place).map(\.step).first == plan.stages[0].steps)
    let status = try lastState(place).status
    #expect((status.progress + status.position.offset).steps == 40)
    // An override that names a file is the recipe's key.
    let other = try Workplace()
    try LawfulRuns.write(plan, to: other.url.appending(path: "the plan: \"a\".json"))
    let overridden = try TrainingRun.create(
      other.run,
      recipe: RecipeFile(
        text: LawfulRuns.recipe(stages: "none"), name: "recipe.yaml", directory: other.run,
        overrides: [
          RecipeOverride(followingPlan: other.url.appending(path: "the plan: \"a\".json"))
        ]))
    #expect(overridden.plan?.plan == plan)
  }

  @Test("where growth does not pay, the run has one stage and says so")
  func noGrowth() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    // By the published law nothing is worth growing within 40 steps.
    let run = try create(place, LawfulRuns.recipe(stages: "auto"))
    #expect(run.plan?.stages == [StageRecipe()])
    #expect(run.plan?.plan?.law == .kaplan)
    let summary = try run.trainForTest(recorder: recorder)
    #expect(summary.steps == 40 && summary.outcome == .finished)
    #expect(recorder.notes.contains { $0.contains("Growth does not pay in this run by the law") })
    #expect(try growths(place).isEmpty)
    // A resumed session says nothing of it again.
    let again = EventRecorder()
    try TrainingRun.resume(place.run).trainForTest(recorder: again)
    #expect(!again.notes.contains { $0.contains("Growth does not pay") })
  }

  @Test("a plan that ends before or after the run's schedule is followed, and it is said")
  func otherLength() throws {
    for (planned, stages, message) in [
      (30.0, "of the target's schedule, before the schedule's own end at step 40", true),
      (46.0, "but the run at step 40; it stops short of the plan", false),
    ] {
      let place = try Workplace()
      // Grown within the run's 40 steps all the same.
      let plan = try LawfulRuns.plan(steps: planned) { $0.latestGrowthStep = 38 }
      #expect(plan.stages.count > 1)
      try LawfulRuns.write(plan, to: place.url.appending(path: "plan.json"))
      let run = try create(place, LawfulRuns.recipe(stages: "{plan: plan.json}"))
      #expect(run.plan?.notes.contains { $0.contains(stages) } == true, "\(run.plan?.notes ?? [])")
      try run.trainForTest()
      let status = try lastState(place).status
      let end = (status.progress + status.position.offset).steps
      #expect(message ? abs(end - 30) <= plan.stages.count : end == 40)
    }
  }

  @Test("under WSD no small model spends the decay")
  func stableGrowth() throws {
    let place = try Workplace()
    try LawfulRuns.make(in: place)
    let text = LawfulRuns.recipe(
      stages: "{auto: {fit: [\(LawfulRuns.names.joined(separator: ", "))], stages: 4}}",
      schedule: "kind: wsd, total: 1280 tokens, decay: 60%")
    let plan = try #require(try create(place, text).plan?.plan)
    for stage in plan.stages where stage.growth != nil {
      #expect(stage.effectiveStart + stage.steps <= 16)
    }
  }

  @Test("the example's ways of planning decode")
  func example() throws {
    let lines = Recipe.stagedExample.split(separator: "\n").filter { $0.hasPrefix("# stages:") }
    #expect(lines.count == 5)
    for line in lines {
      let text = LawfulRuns.recipe(
        stages: String(line.dropFirst("# stages:".count)),
        schedule: "kind: wsd, total: 40 steps")
      let recipe = try RecipeFile(text: text, directory: .homeDirectory).recipe()
      #expect(recipe.planning != nil && recipe.stages.isEmpty)
    }
  }

  @Test("loss and compute are goals as well")
  func goals() throws {
    let place = try Workplace()
    try LawfulRuns.make(in: place)
    let names = LawfulRuns.names.joined(separator: ", ")
    let loss = LawfulRuns.law.loss(
      parameters: Double(try LawfulRuns.target().parameterCount().withoutEmbeddings), steps: 35)
    let run = try create(
      place, LawfulRuns.recipe(stages: "{auto: {fit: [\(names)], stages: 2, loss: \(loss)}}"))
    let plan = try #require(run.plan?.plan)
    #expect(plan.stages.count <= 2 && abs(plan.loss / loss - 1) < 0.01)
    let other = try Workplace()
    try LawfulRuns.make(in: other)
    let cheap = try create(
      other, LawfulRuns.recipe(stages: "{auto: {fit: [\(names)], compute: 40M FLOPs}}"))
    let flops = try #require(cheap.plan?.plan?.flopsBySixN)
    #expect(abs(flops / 40e6 - 1) < 0.1)
  }
}

extension HostTensor {
  fileprivate var bytes: Data { withUnsafeBytes { Data($0) } }
}
