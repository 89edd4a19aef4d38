// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Planning
import Staging
import Testing
import Text
import Training

@Suite("Recipes built in Swift")
struct RecipeWritingTests {
  /// Parts of recipes that are combined with each other, each with all of the rest.
  private static let sections: [String: [String]] = [
    "model": [
      "{architecture: gpt2, layers: 2, hidden: 32, heads: 4, context: 16}",
      "{architecture: gpt2, layers: 0, hidden: 32, heads: 4, context: 16, dropout: 0.25, tieHead: false}",
      "{architecture: llama, layers: 2, hidden: 32, heads: 4, context: 16, keyValueHeads: 2, "
        + "ropeBase: 5e5, normEpsilon: 1e-6, vocabulary: 300, intermediate: 80, headSize: 6}",
      "{architecture: llama, layers: 2, hidden: 32, heads: 4, context: 16, "
        + "dropout: {embedding: 0.1, attention: 0, residual: 0.3}}",
    ],
    "tokenizer": [
      "{kind: bytes}", "{kind: bpe, vocabulary: 300}", "{kind: file, path: 'a b: #c'}",
    ],
    "data": [
      "{train: corpus.txt}",
      "{train: [\"none\", '~/x', a/b/], validation: none, order: sequential}",
      "{train: [x], validation: {fraction: 1.25%}}",
      "{train: [x], validation: {files: ['1', \"\\t2\"]}}",
    ],
    "batch": [
      "{sequences: 4}",
      "{sequences: 4, accumulate: 3, warmup: {from: 2, over: 3M tokens}, "
        + "sequenceLength: {from: 8, over: 1234567 tokens}}",
    ],
    "optimizer": [
      "{}", "{beta1: 0.8, beta2: 0.999, epsilon: 1e-9, weightDecay: 0, clip: none, decayRule: all}",
      "{kind: muon, momentum: 0.9, nesterov: false, iterations: 7, clip: 0.3333333333333333}",
    ],
    "schedule": [
      "{kind: constant, peak: 1e-3}",
      "{kind: cosine, peak: 3e-4, warmup: 20 steps, total: 100M tokens}",
      "{kind: wsd, peak: 1, total: 90 steps, floor: 0, decay: 10 steps, decayShape: linear}",
      "{kind: wsd, peak: 1, total: 1.5e15 FLOPs, decay: 15%}",
      "{kind: linear, peak: 0.1, total: 7 steps}",
    ],
    "evaluate": [
      "none", "{every: 90 minutes}", "{every: 3 steps, batches: 4}", "{tokens: all}",
      "{tokens: 200k tokens}",
    ],
    "checkpoint": ["none", "{every: 2.5 hours, keep: all}", "{every: 7 steps, keep: 9}"],
    "stop": [
      "{after: 10 steps}", "{after: 0.5 seconds}",
      "{after: 1e18 FLOPs, loss: 3.25, lossKind: training}",
      "{loss: 2, lossKind: training}",
    ],
    "precision": ["fp32", "bf16"], "seed": ["0", "18446744073709551615"],
    "onNonFinite": ["stop", "rollback"],
    "onSpike": ["none", "{action: skip, factor: 1.5, window: 20 steps}"],
    "noiseScale": ["none", "{every: 5 steps, smoothing: 0.5}"],
    "parametrization": ["standard", "{kind: mup, base: {layers: 1, hidden: 16}}"],
    "stages": [
      "none", "auto", "lateExpansion", "{plan: plan.json}",
      "{auto: {fit: [a, b], firstStep: 3, irreducible: true}}",
      "{auto: {loss: 3.5, stages: 2}}", "{auto: {compute: 1e15 FLOPs}}",
      "{lateExpansion: {layers: 0, share: 50%}}",
      "[{model: {layers: 1}, until: {slope: auto}}, {}]",
      "[{model: {layers: 1}, until: {slope: -0.05, detector: literal, atLatest: none}}, {until: {slope: optimality}}]",
      "[{model: {layers: 1, hidden: 16}, until: {loss: 4, atLatest: 3 steps}, grow: {width: 2}}, "
        + "{until: {share: 40%}, grow: {layers: '0,0', schedule: keep, moments: reset}}, {}]",
      "[{model: {layers: 1}, until: {slope: depth, atLatest: 30%}, grow: {layers: [0, 0], newRate: 1.5, "
        + "rewarmup: 3 steps}}, {}]",
    ],
  ]

  private static let usual = [
    "model": sections["model"]?[0], "tokenizer": "{kind: bytes}", "data": "{train: corpus.txt}",
    "batch": "{sequences: 4}", "schedule": "{kind: wsd, peak: 1e-3, total: 100 steps}",
  ]

  @Test("every recipe reads back as what was written", arguments: Array(sections.keys).sorted())
  func roundTrips(_ section: String) throws {
    var count = 0
    for value in Self.sections[section] ?? [] {
      for (other, values) in Self.sections {
        for otherValue in values {
          var keys = Self.usual
          keys[other] = otherValue
          keys[section] = value
          let text =
            "version: 1\n" + keys.map { "\($0.key): \($0.value ?? "")" }.joined(separator: "\n")
          // Not all go together.
          guard let recipe = try? decode(text) else { continue }
          let file = try RecipeFile(recipe)
          #expect(try file.recipe() == recipe, "\(text)\n---\n\(file.text)")
          #expect(try RecipeFile(file.recipe()).text == file.text)
          count += 1
        }
      }
    }
    #expect(count > 20)
  }

  @Test("the documented recipes read back", arguments: [Recipe.example, Recipe.stagedExample])
  func examples(_ text: String) throws {
    let recipe = try decode(text)
    #expect(try RecipeFile(recipe).recipe() == recipe)
  }

  /// As ``StagedRunTests/recipe(until:growth:)``.
  private func staged(_ place: Workplace) -> Recipe {
    var growth = GrowthDescription()
    (growth.width, growth.depth) = (2, 2)
    return Recipe(
      model: ModelRecipe(
        architecture: .gpt2, layerCount: 2, hiddenSize: 16, headCount: 4, contextLength: 8,
        dropout: DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)),
      tokenizer: .bytes,
      data: DataRecipe(
        source: .texts(
          training: [place.url.appending(path: "corpus.txt")], validation: .fraction(0.05))),
      training: TrainingConfiguration(
        seed: 5, batch: BatchConfiguration(sequences: 4),
        schedule: LearningRateSchedule(peak: 1e-2, warmup: .steps(4), total: .steps(20)),
        evaluation: EvaluationConfiguration(every: .steps(2), batches: 2),
        checkpoint: CheckpointConfiguration(every: .steps(3)),
        stop: StopConditions(after: .steps(20))),
      stages: [
        StageRecipe(
          model: StageModel(layerCount: 1, hiddenSize: 8), until: .after(.steps(7)), growth: growth),
        StageRecipe(),
      ])
  }

  @Test("a staged run without YAML trains, resumes, and has the bits of the run with it")
  func runs() throws {
    let place = try Workplace()
    try TrainingRun.create(place.run, recipe: place.recipeFile(StagedRunTests.recipe()))
      .trainForTest()
    let expected = try place.loggedSteps()
    try FileManager.default.moveItem(
      at: place.run, to: place.url.appending(path: "with-yaml", directoryHint: .isDirectory))

    let run = try TrainingRun.create(place.run, recipe: staged(place))
    #expect(run.plan?.stages.count == 2)
    #expect(try run.trainForTest(interruptingAfter: 5).outcome == .interrupted)
    let resumed = try TrainingRun.resume(place.run)
    #expect(resumed.recipe.training == run.recipe.training)
    #expect(try resumed.trainForTest().outcome == .finished)
    #expect(try place.loggedSteps() == expected)
  }

  @Test("what no recipe can say is refused by its key")
  func refusals() throws {
    let place = try Workplace()
    func expectRefusal(_ key: String, _ change: (inout Recipe) -> Void) {
      var recipe = staged(place)
      change(&recipe)
      let error = #expect(throws: (any Error).self) {
        try TrainingRun.create(place.run, recipe: recipe)
      }
      #expect(
        error.map { "\($0)".contains(key) } ?? false, "\(key): \(error.map { "\($0)" } ?? "")")
      #expect(!RunDirectory(place.run).holdsRun)
    }
    expectRefusal("schedule.decay") { $0.training.schedule.decay = .share(0.3) }
    expectRefusal("schedule.peak") { $0.training.schedule.peak = .infinity }
    expectRefusal("stages[1].model") { $0.stages[1].model = StageModel(layerCount: 2) }
    expectRefusal("model.heads") { $0.model?.headCount = 5 }
    expectRefusal("data") {
      $0.data.source = .texts(training: [], validation: .none)
    }
  }
}
