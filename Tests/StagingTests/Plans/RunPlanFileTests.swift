// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing

@Suite("The plan that a run keeps")
struct RunPlanFileTests {
  private func recipe(_ stages: String) throws -> Recipe {
    try RecipeFile(
      text: """
        version: 1
        model: {architecture: gpt2, layers: 4, hidden: 16, heads: 4, context: 8, tieHead: false}
        tokenizer: {kind: bytes}
        data: {train: corpus.txt}
        batch: {sequences: 4}
        schedule: {kind: cosine, peak: 1e-2, total: 40 steps}
        stages:
        \(stages)
        """, directory: .homeDirectory
    ).recipe()
  }

  @Test(
    "stages of every kind read back as they were",
    arguments: [
      "  - {until: {after: 3 steps}, model: {layers: 2}}\n  - {}",
      "  - {until: {after: 1.5e15 FLOPs}, model: {layers: 1, hidden: 8, heads: 2, intermediate: 32}}"
        + "\n  - {until: {loss: 3.25}}",
      "  - {until: {share: 33%}, model: {hidden: 8}, grow: {width: 2, form: divided, symmetry: split}}"
        + "\n  - {until: {slope: optimality, detector: literal}}",
      "  - {until: {slope: auto}, model: {layers: 2}, grow: {depth: 2, block: copy, "
        + "placement: middle, moments: resetNew, schedule: keep, rewarmup: 0 steps}}\n  - {}",
      "  - {until: {slope: -0.05}, model: {layers: 2}, grow: {layers: 3, placement: [0, 0, 1], "
        + "schedule: 1.4142135623730951, rewarmup: 20 tokens, newRate: 0.7, newRateSteps: 9}}\n"
        + "  - {until: {slope: depth}, grow: {layers: 4, placement: appended, noise: 3}}\n  - {}",
      "  - {until: {after: 20M tokens}, model: {hidden: 8}, grow: {width: 2, symmetry: none, "
        + "newRate: 0}}\n  - {}",
    ])
  func roundTrip(stages: String) throws {
    let plan = RunPlan(
      origin: .recipe, stages: try recipe(stages).stages, notes: ["one: \"two\"", "ρ"])
    #expect(plan.stages.count > 1)
    #expect(try RunPlan(try plan.encoded(), name: "plan.json") == plan)
  }

  @Test("a plan with the planner's numbers reads back")
  func planned() throws {
    let plan = RunPlan(
      origin: .automatic, stages: [StageRecipe()], plan: try LawfulRuns.plan(), notes: [])
    #expect(try RunPlan(try plan.encoded(), name: "plan.json") == plan)
  }

  @Test("the file has stable names")
  func names() throws {
    let plan = RunPlan(
      origin: .recipe,
      stages: try recipe("  - {until: {after: 3 steps}, model: {layers: 2}}\n  - {}").stages)
    let text = String(decoding: try plan.encoded(), as: UTF8.self).filter { !$0.isWhitespace }
    #expect(
      text == #"{"formatVersion":1,"origin":"recipe","stages":[{"model":{"layers":2},"until":"#
        + #"{"after":"3steps"},"grow":{"form":"blockDiagonal","symmetry":"noise","noise":10.0,"#
        + #""learningRates":"target","units":"duplicate","block":"identityByOutput","#
        + #""placement":"interleaved","positions":"extended","moments":"mapped"}},{}],"notes":[]}"#)
  }

  @Test("every staged run keeps its stages, a run of one model none")
  func kept() throws {
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(StagedRunTests.recipe()))
    let plan = try RunPlan(reading: run.directory.plan)
    #expect(plan == run.plan && plan.origin == .recipe)
    #expect(plan.stages.map(\.until) == run.recipe.stages.map(\.until))
    #expect(plan.stages[0].growth == run.recipe.stages[0].growth?.spelledOut)
    let single = try Workplace()
    #expect(try single.create().plan == nil)
    #expect(!FileManager.default.fileExists(atPath: RunDirectory(single.run).plan.path))
    // A run from before plans were kept has its recipe's stages.
    try FileManager.default.removeItem(at: run.directory.plan)
    #expect(try TrainingRun.open(place.run).plan == plan)
  }

  @Test("a kept plan that is missing, damaged or hostile is an error that names it")
  func damage() throws {
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(LawfulRuns.recipe(stages: "auto")))
    try run.trainForTest(interruptingAfter: 2)
    let whole = try String(contentsOf: run.directory.plan, encoding: .utf8)
    func check(_ contents: String?) throws {
      try FileManager.default.removeItem(at: run.directory.plan)
      if let contents { try Data(contents.utf8).write(to: run.directory.plan) }
      let error = #expect(throws: StagingError.self, "\(contents ?? "nothing")") {
        try TrainingRun.resume(place.run).trainForTest()
      }
      #expect(error?.code == .runUnavailable, "\(error?.description ?? "")")
      try Data(whole.utf8).write(to: run.directory.plan)
    }
    try check(nil)
    try check("")
    try check("{")
    try check("[[[[")
    try check(whole.replacing("\"formatVersion\": 1", with: "\"formatVersion\": 2"))
    try check(whole.replacing("\"origin\": \"automatic\"", with: "\"origin\": \"magic\""))
    try check(#"{"formatVersion": 1, "origin": "recipe", "stages": []}"#)
    try check(#"{"formatVersion": 1, "origin": "recipe", "stages": {"a": 1}}"#)
    try check(#"{"formatVersion": 1, "origin": "recipe", "stages": [{"until": 3}, {}]}"#)
    try check(#"{"formatVersion": 1, "origin": "recipe", "stages": [{"x": 3}]}"#)
    try check(whole.replacing("\"version\": 1", with: "\"version\": 3"))
    try check("a: &a [*a, *a]")
    #expect(try TrainingRun.resume(place.run).trainForTest().outcome == .finished)
  }

  @Test("a checkpoint of a stage that the plan does not have is refused")
  func missingStage() throws {
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(StagedRunTests.recipe()))
    try run.trainForTest(interruptingAfter: 9)
    try RunPlan(origin: .recipe, stages: [StageRecipe()]).encoded().write(to: run.directory.plan)
    // A run of before the plan's hash was kept; of another the plan itself is refused.
    try forgetHashes(of: place.run)
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.resume(place.run).trainForTest()
    }
    #expect(error?.message.contains("stands in stage 2, and the run has 1") ?? false)
  }
}
