// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Growth
import RunLogs
import Staging
import Testing
import Training

@Suite("Staged runs")
struct StagedRunTests {
  /// Eight steps of a small model, then the target's; every stage ends somewhere between checkpoints.
  static func recipe(until: String = "after: 7 steps", growth: String = "{width: 2, depth: 2}")
    -> String
  {
    """
    version: 1
    seed: 5
    model: {architecture: gpt2, layers: 2, hidden: 16, heads: 4, context: 8, dropout: 0.1}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.05}}
    batch: {sequences: 4}
    schedule: {kind: cosine, peak: 1e-2, warmup: 4 steps, total: 20 steps}
    evaluate: {every: 2 steps, batches: 2}
    checkpoint: {every: 3 steps, keep: 3}
    stages:
      - model: {layers: 1, hidden: 8}
        until: {\(until)}
        grow: \(growth)
      - {}
    """
  }

  private func create(_ place: Workplace, _ text: String = recipe()) throws -> TrainingRun {
    try TrainingRun.create(place.run, recipe: try place.recipeFile(text))
  }

  private func growths(_ place: Workplace) throws -> [EventRecord] {
    try RunLogReader.records(path: RunDirectory(place.run).log.path).compactMap {
      guard case .event(let event) = $0, event.event == .grown else { return nil }
      return event
    }
  }

  @Test("trains, grows, proves the loss, moves the schedule and trains on to its end")
  func wholeRun() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    let summary = try create(place).trainForTest(recorder: recorder)
    #expect(summary.outcome == .finished)
    let grown = recorder.all.compactMap { event -> StageGrowth? in
      if case .grown(let growth) = event { growth } else { nil }
    }
    let growth = try #require(grown.first)
    #expect(grown.count == 1)
    #expect(growth.source.hiddenSize == 8 && growth.target.hiddenSize == 16)
    #expect(growth.target.layerCount == 2)
    #expect(growth.guarantees.contains(.loss))
    #expect(abs(growth.lossAfter / growth.lossBefore - 1) < 1e-5)
    // Eight times the parameters in the blocks and a little less: the schedule goes back from step 7.
    let ratio = try #require(growth.scheduleRatio)
    #expect(ratio > 2 && ratio < 2.5)
    let back = 7 - Int((7 / ratio).rounded())
    #expect(summary.steps == 20 + back)
    let steps = try place.loggedSteps()
    #expect(steps.map(\.step) == Array(1...20 + back))
    #expect(try growths(place).map(\.step) == [7])

    let small = try TrainingState(
      reading: RunDirectory(place.run).stages.appending(path: "stage-1"))
    #expect(small.status.model.hiddenSize == 8)
    #expect(small.status.progress.steps == 7)
    let last = try TrainingState(reading: place.checkpoints.url(step: summary.steps))
    #expect(last.status.model.hiddenSize == 16)
    #expect(last.status.stage?.index == 1)
    #expect(last.status.lineage.count == 2)
    #expect(last.status.lineage.last?.source == "stages/stage-1")
    #expect(last.status.lineage.last?.sourceHash?.count == 64)
    // The new block's counts began at the growth, the others' at the beginning.
    #expect(Set(last.parameters.map(\.stepCount)) == [summary.steps, summary.steps - 7])
    #expect(try #require(last.status.evaluationCost).floatingPointOperations > 0)
  }

  /// New entries at a rate and with counts of their own, which end within the run and after it.
  static let newEntries =
    "{width: 2, depth: 2, moments: resetNew, newRate: 1.3, newRateSteps: 11}"

  @Test(
    "a run broken off anywhere goes on bit for bit", arguments: [1, 3, 6, 7, 8, 15],
    ["{width: 2, depth: 2}", newEntries])
  func resume(steps: Int, growth: String) throws {
    let whole = try Workplace()
    let end = try create(whole, Self.recipe(growth: growth)).trainForTest()
    let broken = try Workplace()
    #expect(
      try create(broken, Self.recipe(growth: growth)).trainForTest(interruptingAfter: steps).outcome
        == .interrupted)
    #expect(try TrainingRun.resume(broken.run).trainForTest().outcome == .finished)
    #expect(try broken.loggedSteps() == whole.loggedSteps())
    #expect(try growths(broken).count == 1)
    for file in ["model.safetensors", "optimizer.safetensors"] {
      let (one, other) = try (
        Data(contentsOf: broken.checkpoints.url(step: end.steps).appending(path: file)),
        Data(contentsOf: whole.checkpoints.url(step: end.steps).appending(path: file))
      )
      #expect(one == other, "\(file)")
    }
    let states = try [whole, broken].map {
      try TrainingState(reading: $0.checkpoints.url(step: end.steps))
    }
    #expect(states[0].parameters.map(\.newEntries) == states[1].parameters.map(\.newEntries))
  }

  @Test("new entries have the recipe's rate, which log and receipt hold and which ends")
  func newEntryRate() throws {
    let place = try Workplace()
    let run = try create(place, Self.recipe(growth: Self.newEntries))
    try run.trainForTest(interruptingAfter: 8)
    let rate = NewEntries.Rate(factor: 1.3, steps: 11)
    let event = try #require(try growths(place).first)
    #expect(event.details["newRate"] == .number(1.3))
    #expect(event.details["newRateSteps"] == .integer(11))
    #expect(try GrowthReceipt(reading: run.directory.growth(1)).options.newEntryRate == rate)
    let step = try #require(try place.checkpoints.list().last)
    let state = try TrainingState(reading: step.url)
    for parameter in state.parameters {
      let mark = try #require(parameter.newEntries.first)
      #expect(parameter.newEntries.count == 1 && mark.rate == rate)
      #expect(mark.updates == step.step - 7)
      #expect(mark.hasOwnCount == (parameter.stepCount > step.step - 7))
    }
    let end = try TrainingRun.resume(place.run).trainForTest()
    let last = try TrainingState(reading: place.checkpoints.url(step: end.steps))
    #expect(last.parameters.flatMap(\.newEntries).compactMap(\.rate) == [])
    #expect(last.parameters.contains { $0.newEntries.contains { $0.hasOwnCount } })
  }

  @Test(
    "a stage grows along every axis that the command knows, and is resumed bit for bit",
    arguments: [
      ("{layers: 1, hidden: 8, heads: 2}", "{hidden: 16, heads: 4, ffn: 64, depth: 2}"),
      ("{layers: 1, headSize: 2}", "{headSize: 4, layers: 2}"),
      ("{layers: 1, intermediate: 32}", "{intermediate: 64, units: new, depth: 2}"),
      ("{layers: 1}", "{layers: [0, 0], block: copy, outputScale: 0.5, schedule: keep}"),
      ("{layers: 1}", "{layers: \"0-0,0\", block: fresh-identity}"),
      ("{layers: 2, hidden: 8}", "{width: 2, symmetry: none, learningRates: smallTrajectory}"),
      ("{layers: 1, context: 4}", "{context: 8, positions: interpolated, depth: 2}"),
      ("{layers: 1, context: 4}", "{}"),
      ("{layers: 2, hidden: 8}", "{width: 2, form: divided}"),
    ])
  func axes(model: String, growth: String) throws {
    let text = Self.recipe(growth: growth).replacing("{layers: 1, hidden: 8}", with: model)
    let (whole, broken) = (try Workplace(), try Workplace())
    let end = try create(whole, text).trainForTest()
    #expect(end.outcome == .finished)
    let last = try TrainingState(reading: whole.checkpoints.url(step: end.steps)).status.model
    #expect(last.layerCount == 2 && last.hiddenSize == 16 && last.contextLength == 8)
    #expect(last.headCount == 4 && last.headSize == 4 && last.intermediateSize == 64)
    #expect(try create(broken, text).trainForTest(interruptingAfter: 9).outcome == .interrupted)
    #expect(try TrainingRun.resume(broken.run).trainForTest().outcome == .finished)
    #expect(try broken.loggedSteps() == whole.loggedSteps())
  }

  @Test("a session that ended in the middle of a growth is repeated with the same result")
  func brokenGrowth() throws {
    let whole = try Workplace()
    try create(whole).trainForTest()
    let broken = try Workplace()
    // All is as if the session had ended after the growth was logged and before it was saved.
    try create(broken).trainForTest(interruptingAfter: 8)
    let small = RunDirectory(broken.run).stages.appending(path: "stage-1")
    for item in try broken.checkpoints.list() where item.step >= 7 {
      try FileManager.default.removeItem(at: item.url)
    }
    try FileManager.default.copyItem(at: small, to: broken.checkpoints.url(step: 7))
    try TrainingRun.resume(broken.run).trainForTest()
    #expect(try broken.loggedSteps() == whole.loggedSteps())
    #expect(try growths(broken).count == 1)
  }

  @Test(
    "each kind of end ends its stage",
    arguments: [
      ("share: 30%", 6), ("after: 5 steps", 5), ("after: 64 tokens", 2), ("loss: 6", 2),
    ])
  func ends(until: String, step: Int) throws {
    let place = try Workplace()
    try create(place, Self.recipe(until: until)).trainForTest()
    #expect(try growths(place).map(\.step) == [step])
  }

  @Test("a slope ends its stage, wherever the run is broken off")
  func slope() throws {
    func recipe() -> String {
      Self.recipe(until: "slope: -0.9")
        .replacing("every: 2 steps, batches: 2", with: "every: 1 steps, batches: 2")
        .replacing("total: 20 steps", with: "total: 60 steps")
    }
    let whole = try Workplace()
    try create(whole, recipe()).trainForTest()
    let moment = try #require(try growths(whole).first?.step)
    #expect(moment > 8 && moment < 60)
    let broken = try Workplace()
    try create(broken, recipe()).trainForTest(interruptingAfter: moment - 2)
    try TrainingRun.resume(broken.run).trainForTest()
    #expect(try growths(broken).map(\.step) == [moment])
    #expect(try broken.loggedSteps() == whole.loggedSteps())
  }

  @Test("a stage whose moment never comes says so, and the run ends with the small model")
  func neverGrows() throws {
    let place = try Workplace()
    let recorder = EventRecorder()
    let summary = try create(place, Self.recipe(until: "loss: 0.01")).trainForTest(
      recorder: recorder)
    #expect(summary.steps == 20)
    // Which is no end like another.
    #expect(summary.outcome == .endedSmall)
    #expect(summary.stage == 1 && summary.stageCount == 2)
    #expect(recorder.notes.contains { $0.contains("moment to grow never came") })
    #expect(try growths(place).isEmpty)
  }

  @Test("late expansion: one layer to 80 % of a WSD schedule that goes on")
  func lateExpansion() throws {
    let place = try Workplace()
    let text = Self.recipe(until: "share: 80%", growth: "{layers: 2, schedule: keep}")
      .replacing("{layers: 1, hidden: 8}", with: "{layers: 1}")
      .replacing("kind: cosine", with: "kind: wsd, decay: 20%")
    let summary = try create(place, text).trainForTest()
    #expect(summary.steps == 20)
    let grown = try growths(place)
    #expect(grown.map(\.step) == [16])
    #expect(grown.first?.details["scheduleRatio"] == nil)
  }

  @Test(
    "growths that lead nowhere are refused before anything is trained",
    arguments: [
      ("{width: 3}", "stages[0].grow.width: leads to hidden 24, and the recipe's model has 16"),
      ("{depth: 2}", "recipe's model"), ("{width: 1}", "grows nothing"),
      ("{widht: 2}", "did you mean width"), ("{layers: 2, depth: 2}", "give one of them"),
      ("{width: 2, noise: 5, symmetry: split}", "no noise"),
      ("{width: 2, newRate: -1}", "a factor from 0 to 1000"),
      ("{width: 2, newRate: 1.3, newRateSteps: 0}", "newRateSteps"),
      ("{width: 2, newRateSteps: 9}", "nothing without newRate"),
      ("{schedule: 0.5}", "a ratio from 1"),
      (
        "{layers: 2, hidden: 16, heads: 4, ffn: 64, form: divided}",
        "stages[0].grow.form: does nothing without width"
      ),
      ("{width: 2, depth: 2, units: new}", "does nothing without ffn"),
      ("{width: 2, depth: 2, units: duplicate}", "stages[0].grow.units: does nothing without ffn"),
      ("{units: new}", "stages[0].grow.units: speaks of ffn, and nothing of that grows"),
      ("{expertParts: 2}", "expertParts"),
      ("{hidden: 4}", "stages[0].grow.hidden: 4 is less than the model's 8"),
      ("{heads: 1}", "stages[0].grow.heads: 1 is less than"),
      ("{layers: [0, one]}", "stages[0].grow.layers[1]: got one; expected the number of a layer"),
      ("{layers: [0, -1]}", "stages[0].grow.layers[1]: got -1; expected the number of a layer"),
      (
        "{layers: 0-0,0-0, width: 2}",
        "in braces a comma ends a value; write the list in quotes: layers: \"0-0,0-0\""
      ),
      ("{layers: 3, placement: [0, 0]}", "sources of 2 layers, and the grown model has 3"),
      ("{layers: \"2\"}", "a number of layers"),
    ])
  func refusals(growth: String, message: String) throws {
    let place = try Workplace()
    let error = #expect(throws: StagingError.self) {
      try create(place, Self.recipe(growth: growth))
    }
    #expect(error?.description.contains(message) ?? false, "\(error?.description ?? "")")
    #expect(!RunDirectory(place.run).holdsRun)
  }

  @Test(
    "ends that say nothing or two things are refused",
    arguments: ["", "slope: auto, share: 3%", "slope: 0.1", "share: 120%", "after: 3 minutes"])
  func badEnds(until: String) throws {
    let place = try Workplace()
    #expect(throws: StagingError.self) { try create(place, Self.recipe(until: until)) }
  }

  @Test("a slope that no law knows is told by file, stage and key before anything is trained")
  func unknownSlope() throws {
    let place = try Workplace()
    let text = Self.recipe(until: "slope: auto", growth: "{width: 2, layers: 2, block: fresh}")
      .replacing("{layers: 1, hidden: 8}", with: "{layers: 0, hidden: 8}")
    let error = #expect(throws: StagingError.self) { try create(place, text) }
    #expect(error?.subject == "recipe.yaml:12: stages[0].until.slope")
    #expect(error?.message.contains("a model without layers") == true)
    #expect(!RunDirectory(place.run).holdsRun)
  }

  @Test("positions are stretched where there is a table of them, and refused where there is none")
  func stretchedPositions() throws {
    let growth = "{width: 2, depth: 2, context: 8, positions: interpolated}"
    let text = Self.recipe(growth: growth).replacing(
      "{layers: 1, hidden: 8}", with: "{layers: 1, hidden: 8, context: 4}")
    let place = try Workplace()
    #expect(throws: Never.self) { try create(place, text) }
    let error = #expect(throws: StagingError.self) {
      try create(
        Workplace(), text.replacing("gpt2", with: "llama").replacing("heads: 4", with: "heads: 2"))
    }
    #expect(error?.subject == "recipe.yaml:13: stages[0].grow.positions")
    #expect(error?.message.contains("no table to be stretched in llama") == true)
  }

  @Test("the staged example decodes, and so does each of its commented keys")
  func example() throws {
    let recipe = try RecipeFile(
      text: Recipe.stagedExample, name: "staged.yaml", directory: .homeDirectory, overrides: []
    ).recipe()
    #expect(recipe.stages.count == 2)
    #expect(recipe.stages[0].growth?.width == 2)
    let lines = Recipe.stagedExample.split(separator: "\n")
    for line in lines where line.contains("        # until: ") {
      let active = line.replacing("# until", with: "until")
      let isLast = line.contains("optimality}            # or until")
      let text = Recipe.stagedExample.replacing(line, with: "")
        .replacing(
          isLast ? "  - {}" : "        until: {slope: auto}",
          with: isLast ? "  - until: {slope: optimality}" : String(active))
      #expect(throws: Never.self) {
        try RecipeFile(text: text, name: "staged.yaml", directory: .homeDirectory, overrides: [])
          .recipe()
      }
    }
  }
}
