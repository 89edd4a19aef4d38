// SPDX-License-Identifier: Apache-2.0
import Foundation
import Planning
import Staging
import Testing

@Suite("Plans that cannot be made or followed")
struct PlanningErrorTests {
  private func message(_ place: Workplace, _ text: String) throws -> String {
    let error = #expect(throws: (any Error).self) {
      try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
    }
    #expect(error is StagingError, "\(String(describing: error))")
    #expect(!RunDirectory(place.run).holdsRun)
    #expect(!FileManager.default.fileExists(atPath: RunDirectory(place.run).plan.path))
    return error.map { "\($0)" } ?? ""
  }

  @Test(
    "what a recipe may not say of its planning",
    arguments: [
      ("automatic", "expected a list of stages, auto, lateExpansion, plan: a file, or none"),
      ("{auto: {}, plan: plan.json}", "lateExpansion and plan exclude each other"),
      ("{}", "one of auto, lateExpansion, plan"), ("{atuo: {}}", "did you mean auto"),
      ("{auto: {fit: a, laws: kaplan}}", "exclude each other"),
      ("{auto: {firstStep: 3}}", "only a fit has firstStep"),
      ("{auto: {loss: 3, compute: 1e15 FLOPs}}", "exclude each other"),
      ("{auto: {compute: 100 steps}}", "such as 1.5e15 FLOPs"),
      ("{auto: {stages: 5}}", "from 1 to 4"), ("{auto: {laws: chinchilla}}", "one of kaplan"),
      ("{auto: {loss: 0.1}}", "no stages can be planned: loss: 0.1 nats"),
      ("{auto: {fit: nowhere}}", "there is no run here"),
      ("{plan: nowhere.json}", "nowhere.json: there is no readable file here; expected the plan"),
    ])
  func recipes(stages: String, expected: String) throws {
    let text = try message(Workplace(), LawfulRuns.recipe(stages: stages))
    #expect(text.contains(expected), "\(text)")
    #expect(text.contains("recipe.yaml"), "\(text)")
  }

  @Test("a length that no planner can count in is refused")
  func lengths() throws {
    for (schedule, expected) in [
      (
        "kind: cosine, total: 1e9 FLOPs", "which FLOPs of a small model and a large one do not tell"
      ),
      ("kind: constant}\nstop: {loss: 3", "give schedule.total or stop.after in steps or tokens"),
    ] {
      let text = try message(
        Workplace(), LawfulRuns.recipe(stages: "auto", schedule: schedule))
      #expect(text.contains(expected), "\(text)")
    }
    let place = try Workplace()
    let text = try message(
      place,
      LawfulRuns.recipe(stages: "auto").split(separator: "\n")
        .filter { !$0.hasPrefix("model") }.joined(separator: "\n"))
    #expect(text.contains("stages lead to a model"))
  }

  @Test("plans for another model, batch or length are refused with what differs")
  func otherPlans() throws {
    func check(_ expected: String, _ plan: StagePlan) throws {
      let place = try Workplace()
      try LawfulRuns.write(plan, to: place.url.appending(path: "plan.json"))
      let text = try message(place, LawfulRuns.recipe(stages: "{plan: plan.json}"))
      #expect(text.contains(expected), "\(text)")
      #expect(text.contains("plan.json"))
    }
    try check(
      "hidden is 32, the recipe says 16",
      try LawfulRuns.plan {
        $0.target.hiddenSize = 32
        $0.target.headSize = 8
        $0.target.intermediateSize = 128
      })
    try check("tieHead is false", try LawfulRuns.plan { $0.target.tiesHead = false })
    try check("64 tokens a step", try LawfulRuns.plan { $0.tokensPerStep = 64 })
    try check(
      "the recipe's run is over at step 40",
      try LawfulRuns.plan(steps: 60) { $0.law.stepScale = 15 })
    var unreachable = try LawfulRuns.plan()
    unreachable.stages[0].model.hiddenSize = 12
    unreachable.stages[0].model.headSize = 3
    try check("is no whole multiple of 12", unreachable)
    var wild = try LawfulRuns.plan()
    wild.stages[0].growth?.growthRatio = 1e300
    try check("a ratio from 1 to 1000000", wild)
  }

  @Test(
    "files that are no plan are refused",
    arguments: ["", "{}", "[1, 2]", "{\"version\": 1}", "not JSON", "a: &a [*a, *a]"])
  func malformed(contents: String) throws {
    let place = try Workplace()
    try Data(contents.utf8).write(to: place.url.appending(path: "plan.json"))
    let text = try message(place, LawfulRuns.recipe(stages: "{plan: plan.json}"))
    #expect(text.contains("/plan.json"), "\(text)")
    #expect(text.hasSuffix("; make a plan with `espalier plan -o`"), "\(text)")
  }

  @Test("a run cannot change its planning midway, nor begin with a checkpoint")
  func fixed() throws {
    let place = try Workplace()
    let run = try TrainingRun.create(
      place.run, recipe: try place.recipeFile(LawfulRuns.recipe(stages: "auto")))
    try run.trainForTest(interruptingAfter: 3)
    for value in ["none", "{plan: other.json}", "{auto: {stages: 2}}"] {
      let error = #expect(throws: StagingError.self) {
        try TrainingRun.resume(
          place.run, overrides: [RecipeOverride(keyPath: ["stages"], value: value)])
      }
      #expect(error?.message.contains("cannot change its stages midway") ?? false)
    }
    // The same again changes nothing; another length does not plan anew.
    let same = try TrainingRun.resume(
      place.run,
      overrides: [
        RecipeOverride(keyPath: ["stages"], value: "{auto: {}}"),
        RecipeOverride(keyPath: ["schedule", "total"], value: "30 steps"),
      ])
    #expect(same.plan == run.plan)
    let checkpoint = place.checkpoints.url(step: 3)
    let error = #expect(throws: StagingError.self) {
      try TrainingRun.create(
        place.url.appending(path: "other"),
        recipe: try place.recipeFile(LawfulRuns.recipe(stages: "auto")), startingFrom: checkpoint)
    }
    #expect(error?.message.contains("--from and --continue-from do not go with them") ?? false)
  }
}
