// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing
import Training

@Suite("Runs in the maximal update parametrization") struct ParametrizedRunTests {
  /// The staged run with heads of one size, which gpt2 needs, and a parametrization.
  private static func recipe(_ architecture: String, _ parametrization: String = "mup") -> String {
    """
    version: 1
    seed: 5
    model: {architecture: \(architecture), layers: 2, hidden: 16, heads: 4, context: 8, dropout: 0.1}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.05}}
    batch: {sequences: 4}
    schedule: {kind: cosine, peak: 1e-2, warmup: 4 steps, total: 20 steps}
    parametrization: \(parametrization)
    evaluate: {every: 2 steps, batches: 2}
    checkpoint: {every: 3 steps, keep: 3}
    stages:
      - model: {layers: 1, hidden: 8, heads: 2}
        until: {after: 7 steps}
        grow: {width: 2, depth: 2}
      - {}
    """
  }

  private static func read(_ text: String) throws -> Recipe {
    try RecipeFile(text: text, name: "recipe.yaml", directory: URL(filePath: "/")).recipe()
  }

  @Test("The base is the first stage's model unless the recipe names one")
  func base() throws {
    let first = try Self.read(Self.recipe("gpt2")).training.parametrization?.base
    #expect(first?.layerCount == 1 && first?.hiddenSize == 8 && first?.headCount == 2)
    #expect(first?.headSize == 4 && first?.intermediateSize == 32)
    let named = try Self.read(
      Self.recipe("gpt2", "{kind: mup, base: {layers: 2, hidden: 4, intermediate: 20}}")
    ).training.parametrization?.base
    #expect(named?.layerCount == 2 && named?.hiddenSize == 4 && named?.headCount == 1)
    #expect(named?.headSize == 4 && named?.intermediateSize == 20)
    for text in ["standard", "{kind: standard}"] {
      #expect(try Self.read(Self.recipe("gpt2", text)).training.parametrization == nil)
    }
  }

  @Test(
    "The small model's trajectory is refused with a parametrization, where the recipe asks for it")
  func trajectory() throws {
    let text = Self.recipe("gpt2")
      .replacing(
        "{width: 2, depth: 2}", with: "{width: 2, depth: 2, learningRates: smallTrajectory}")
    let error = #expect(throws: StagingError.self) { try Self.read(text) }
    #expect(error?.subject == "recipe.yaml:14: stages[0].grow.learningRates")
    #expect(throws: Never.self) {
      try Self.read(text.replacing("parametrization: mup", with: "parametrization: standard"))
    }
  }

  @Test("Without a model in the recipe the base's sizes are all given")
  func withoutModel() throws {
    let text = """
      version: 1
      tokenizer: {kind: bytes}
      data: {train: corpus.txt}
      batch: {sequences: 4}
      schedule: {kind: cosine, peak: 1e-2, total: 20 steps}
      parametrization: {kind: mup, base: {layers: 2, hidden: 8, heads: 2, intermediate: 24}}
      """
    let base = try Self.read(text).training.parametrization?.base
    #expect(base?.headSize == 4 && base?.keyValueHeadCount == 2)
    let error = #expect(throws: StagingError.self) {
      try Self.read(text.replacing(", intermediate: 24", with: ""))
    }
    #expect(error?.subject == "recipe.yaml:6: parametrization.base.intermediate")
  }

  @Test(
    "Mistakes are told at their key",
    arguments: [
      ("mpu", "parametrization", "did you mean mup"),
      ("{base: {layers: 1}}", "parametrization.kind", "missing"),
      ("{kind: standard, base: {layers: 1}}", "parametrization.base", "belongs to mup"),
      ("{kind: mup, base: {layers: 0, hidden: 8}}", "parametrization.base.layers", "at least 1"),
      ("{kind: mup, base: {hidden: 8, heads: 4}}", "parametrization.base.heads", "2 wide"),
      ("{kind: mup, base: {width: 8}}", "parametrization.base.width", "hidden"),
    ])
  func mistakes(_ text: String, _ key: String, _ message: String) {
    let error = #expect(throws: StagingError.self) { try Self.read(Self.recipe("gpt2", text)) }
    #expect(error?.subject == "recipe.yaml:8: \(key)")
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test("Without stages mup needs its base")
  func withoutStages() {
    let text = Workplace.recipe + "\nparametrization: mup"
    let error = #expect(throws: StagingError.self) { try Self.read(text) }
    #expect(error?.message.contains("{kind: mup, base: {layers: 4, hidden: 64}}") == true)
  }

  @Test("A parametrization stays what it is when a training goes on with another recipe")
  func midway() throws {
    let first = try Workplace()
    try TrainingRun.create(first.run, recipe: first.recipeFile(Self.recipe("gpt2"))).trainForTest(
      interruptingAfter: 12)
    let text = Self.recipe("gpt2").split(separator: "\n").filter {
      !$0.hasPrefix("stages") && !$0.hasPrefix("  - ") && !$0.hasPrefix("    ")
    }.joined(separator: "\n")
    func goOn(_ parametrization: String, in place: Workplace) throws {
      let recipe = text.replacing(
        /parametrization: .*/, with: "parametrization: \(parametrization)"
      )
      .replacing(/model: .*/, with: "stop: {further: 3 steps}")
      _ = try TrainingRun.create(
        place.run, recipe: try place.recipeFile(recipe),
        startingFrom: first.checkpoints.url(step: 12), with: .wholeState)
    }
    let place = try Workplace()
    let error = #expect(throws: StagingError.self) { try goOn("standard", in: place) }
    #expect(error?.code == .incompatibleCheckpoint)
    #expect(error?.subject == "recipe.yaml: parametrization")
    let written = try #require(error?.message.firstMatch(of: /Write parametrization: (.*), or/))
    #expect(throws: StagingError.self) {
      try goOn("{kind: mup, base: {layers: 1, hidden: 4, heads: 2}}", in: place)
    }
    #expect(throws: Never.self) { try goOn(String(written.output.1), in: place) }
  }

  @Test(
    "Across a growth the rates are those of the new size; broken off anywhere a run goes on bit for bit",
    arguments: ["gpt2", "llama"])
  func resume(_ architecture: String) throws {
    let whole = try Workplace()
    let end = try TrainingRun.create(whole.run, recipe: whole.recipeFile(Self.recipe(architecture)))
      .trainForTest()
    let last = try TrainingState(reading: whole.checkpoints.url(step: end.steps))
    #expect(last.status.training.parametrization?.base.hiddenSize == 8)
    // The state's own multipliers stay 1; the sizes make the rest.
    #expect(last.parameters.allSatisfy { $0.learningRateMultiplier == 1 })
    for steps in [3, 7, 8, 15] {
      let broken = try Workplace()
      try TrainingRun.create(
        broken.run, recipe: broken.recipeFile(Self.recipe(architecture))
      ).trainForTest(interruptingAfter: steps)
      try TrainingRun.resume(broken.run).trainForTest()
      #expect(try broken.loggedSteps() == whole.loggedSteps())
      for file in ["model.safetensors", "optimizer.safetensors"] {
        let (one, other) = try (
          Data(contentsOf: broken.checkpoints.url(step: end.steps).appending(path: file)),
          Data(contentsOf: whole.checkpoints.url(step: end.steps).appending(path: file))
        )
        #expect(one == other, "\(file)")
      }
    }
    let standard = try Workplace()
    try TrainingRun.create(
      standard.run, recipe: standard.recipeFile(Self.recipe(architecture, "standard"))
    ).trainForTest()
    let (mine, others) = try (whole.loggedSteps(), standard.loggedSteps())
    #expect(mine.prefix(7) == others.prefix(7), "the first stage is the base")
    #expect(mine.dropFirst(8).first != others.dropFirst(8).first, "later ones are not")
  }
}
