// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Staging
import Testing
import Training

@Suite("The latest moment to grow")
struct LatestMomentTests {
  private func create(_ place: Workplace, _ text: String) throws -> TrainingRun {
    try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
  }

  private func growthSteps(_ place: Workplace) throws -> [Int] {
    try RunLogReader.records(path: RunDirectory(place.run).log.path).compactMap {
      guard case .event(let event) = $0, event.event == .grown else { return nil }
      return event.step
    }
  }

  private func stages(_ until: [String], _ changes: [(String, String)] = []) throws -> [StageRecipe]
  {
    let list = until.map { "  - {until: {\($0)}}\n" }.joined()
    var text = """
      version: 1
      model: {architecture: gpt2, layers: 8, hidden: 16, heads: 4, context: 8}
      tokenizer: {kind: bytes}
      data: {train: corpus.txt}
      batch: {sequences: 4}
      schedule: {kind: cosine, peak: 1e-2, total: 100 steps}
      stages:
      \(list)  - {}
      """
    for (index, _) in until.enumerated() {
      let layers = "model: {layers: 1}, "
      if index == 0 {
        text = text.replacing("- {until", with: "- {\(layers)until", maxReplacements: 1)
      }
    }
    text = text.replacing("}}\n  - {until", with: "}, grow: {depth: 2}}\n  - {until")
    for (old, new) in changes { text = text.replacing(old, with: new) }
    return try RecipeFile(text: text, directory: .temporaryDirectory).recipe().stages
  }

  @Test("each slope has one, the last with enough of the run left")
  func defaults() throws {
    #expect(try stages(["slope: auto"]).map(\.latest) == [.share(0.6), nil])
    #expect(
      try stages(["slope: auto", "slope: -0.1"]).map(\.latest) == [.share(0.3), .share(0.6), nil])
    // A WSD schedule is grown before it decays.
    let wsd = try stages(["slope: auto"], [("kind: cosine", "kind: wsd, decay: 50%")])
    #expect(wsd.map(\.latest) == [.share(0.5), nil])
    for until in ["after: 10 steps", "share: 30%", "loss: 3"] {
      #expect(try stages([until]).map(\.latest) == [nil, nil])
    }
    // Where only a loss ends the run there is nothing to take a share of.
    let open = try stages(
      ["slope: auto"],
      [
        ("kind: cosine, peak: 1e-2, total: 100 steps", "kind: constant, peak: 1e-2"),
        ("stages:", "stop: {loss: 2}\nstages:"),
      ])
    #expect(open.map(\.latest) == [nil, nil])
  }

  @Test(
    "the recipe can say another, or none",
    arguments: [
      ("atLatest: 40%", StageLimit.share(0.4)), ("atLatest: 0.4", .share(0.4)),
      ("atLatest: 30 steps", .after(.steps(30))), ("atLatest: none", .never),
    ])
  func given(key: String, limit: StageLimit) throws {
    for end in ["slope: auto", "loss: 3"] {
      #expect(try stages(["\(end), \(key)"])[0].latest == limit)
    }
  }

  @Test(
    "what is no moment is refused",
    arguments: [
      "slope: auto, atLatest: 0", "slope: auto, atLatest: 120%", "slope: auto, atLatest: later",
      "slope: auto, atLatest: 3 minutes", "after: 4 steps, atLatest: 50%",
      "share: 10%, atLatest: 50%",
    ])
  func refused(until: String) {
    #expect(throws: StagingError.self) { try stages([until]) }
  }

  @Test("a slope that is never seen does not keep the run small")
  func neverSeen() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    let run = try create(place, StagedRunTests.recipe(until: "slope: -0.001"))
    let summary = try run.trainForTest(recorder: recorder)
    #expect(summary.outcome == .finished && summary.stage == 2 && summary.stageCount == 2)
    #expect(try growthSteps(place) == [12])
    #expect(recorder.notes.contains { $0.contains("Stage 1 ends at its latest moment, step 12") })
    // And that it can hardly be seen was said before the first step.
    #expect(recorder.notes.contains { $0.contains("evaluate.every of 2 steps gives") })
  }

  @Test("a run broken off goes on to the same moment", arguments: [5, 11, 12, 13])
  func resume(steps: Int) throws {
    let text = StagedRunTests.recipe(until: "slope: -0.001")
    let (whole, broken) = try (Workplace(), Workplace())
    try create(whole, text).trainForTest()
    try create(broken, text).trainForTest(interruptingAfter: steps)
    try TrainingRun.resume(broken.run).trainForTest()
    #expect(try broken.loggedSteps() == whole.loggedSteps())
    #expect(try growthSteps(broken) == [12])
  }

  @Test("the plan that a run keeps has its moments, and without one it has none")
  func plan() throws {
    let place = try Workplace()
    let run = try create(place, StagedRunTests.recipe(until: "slope: -0.001"))
    #expect(try TrainingRun.open(place.run).recipe.stages == run.recipe.stages)
    let plan = try #require(run.plan)
    let text = String(decoding: try plan.encoded(), as: UTF8.self)
    let older = text.replacing(/,\s*"atLatest": [0-9.]+/, with: "")
    #expect(older != text)
    #expect(try RunPlan(Data(older.utf8), name: "plan.json").stages[0].latest == nil)
  }

  @Test("without a moment the run ends small, which is an outcome of its own")
  func none() throws {
    let place = try Workplace()
    let summary = try create(
      place, StagedRunTests.recipe(until: "slope: -0.001, atLatest: none")
    ).trainForTest()
    #expect(summary.outcome == .endedSmall && summary.stage == 1)
    #expect(try growthSteps(place).isEmpty)
  }

  @Test("a stage whose end has come as it begins is told")
  func skipped() throws {
    let text = StagedRunTests.recipe(until: "after: 7 steps", growth: "{width: 2}").replacing(
      "  - {}", with: "  - {until: {share: 1%}, grow: {depth: 2}}\n  - {}")
    let place = try Workplace()
    let recorder = EventRecorder()
    let summary = try create(place, text).trainForTest(recorder: recorder)
    #expect(summary.skippedStages == [2] && summary.outcome == .finished)
    #expect(recorder.notes.contains { $0.hasPrefix("Stage 2 is skipped") })
  }
}
