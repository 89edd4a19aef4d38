// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Staging
import Testing
import Training

/// The directory that test recipes seem to lie in.
let recipeDirectory = URL(filePath: "/somewhere/recipes/", directoryHint: .isDirectory)

/// A recipe with only what every recipe needs.
let minimalRecipe = """
  version: 1
  model: {architecture: gpt2, layers: 2, hidden: 32, heads: 4, context: 16}
  tokenizer: {kind: bytes}
  data: {train: corpus.txt}
  batch: {sequences: 4}
  schedule: {kind: constant, peak: 1e-3}
  stop: {after: 10 steps}
  """

/// Decodes a recipe of the name `recipe.yaml`.
func decode(_ text: String, _ overrides: [String] = []) throws -> Recipe {
  try RecipeFile(
    text: text, name: "recipe.yaml", directory: recipeDirectory,
    overrides: try overrides.map { try RecipeOverride(parsing: $0) }
  ).recipe()
}

@Suite("Recipes")
struct RecipeTests {
  @Test("the documented recipe decodes to its values")
  func documentedRecipe() throws {
    let recipe = try decode(
      """
      version: 1
      seed: 7
      model: {architecture: gpt2, layers: 6, hidden: 384, heads: 6, context: 256}
      tokenizer: {kind: bpe, vocabulary: 4096}          # or {kind: file, path: …}, {kind: bytes}
      data: {train: [corpus.txt], validation: {fraction: 0.02}, order: shuffled}   # or a prepared DIR
      precision: bf16                                    # or fp32
      batch: {sequences: 32, accumulate: 1}
      optimizer: {beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clip: 1.0}
      schedule: {kind: cosine, peak: 1e-3, warmup: 200 steps, total: 20M tokens, floor: 0.1}
      evaluate: {every: 100 steps, batches: 20}
      checkpoint: {every: 500 steps, keep: 3}
      stop: {after: 20M tokens}
      """)
    #expect(
      recipe.model
        == ModelRecipe(
          architecture: .gpt2, layerCount: 6, hiddenSize: 384, headCount: 6, contextLength: 256))
    #expect(recipe.tokenizer == .bytePairs(vocabularySize: 4096))
    #expect(
      recipe.data
        == DataRecipe(
          source: .texts(
            training: [URL(filePath: "/somewhere/recipes/corpus.txt")],
            validation: .fraction(0.02)),
          order: .shuffled))
    #expect(
      recipe.training
        == TrainingConfiguration(
          seed: 7, precision: .bf16, batch: BatchConfiguration(sequences: 32, accumulate: 1),
          optimizer: .adamW(
            AdamWConfiguration(beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clip: 1)),
          schedule: LearningRateSchedule(
            kind: .cosine, peak: 1e-3, warmup: .steps(200), total: .tokens(20_000_000), floor: 0.1),
          evaluation: EvaluationConfiguration(every: .steps(100), batches: 20),
          checkpoint: CheckpointConfiguration(every: .steps(500), keep: 3),
          stop: StopConditions(after: .tokens(20_000_000))))
  }

  @Test("left-out keys take the configurations' defaults")
  func defaults() throws {
    let recipe = try decode(minimalRecipe)
    #expect(
      recipe.training
        == TrainingConfiguration(
          batch: BatchConfiguration(sequences: 4),
          schedule: LearningRateSchedule(kind: .constant, peak: 1e-3, total: nil),
          stop: StopConditions(after: .steps(10))))
    #expect(recipe.training.evaluation == EvaluationConfiguration())
    #expect(recipe.training.checkpoint == CheckpointConfiguration())
    #expect(
      recipe.data
        == DataRecipe(
          source: .texts(
            training: [URL(filePath: "/somewhere/recipes/corpus.txt")],
            validation: .fraction(DataRecipe.defaultValidationFraction)),
          order: .shuffled))
  }

  @Test("schedule and stop take their ends from each other")
  func ends() throws {
    let fromStop = try decode(minimalRecipe, ["schedule.kind=linear"])
    #expect(fromStop.training.schedule.total == .steps(10))
    let withoutStop = minimalRecipe.replacing("stop: {after: 10 steps}", with: "")
    let fromSchedule = try decode(withoutStop, ["schedule.total=2M tokens"])
    #expect(fromSchedule.training.stop == StopConditions(after: .tokens(2_000_000)))
  }

  @Test("every optional key decodes")
  func everyKey() throws {
    let recipe = try decode(
      """
      version: 1
      seed: 18446744073709551615
      model:
        {architecture: llama, layers: 0, hidden: 64, heads: 4, context: 16, vocabulary: 300,
         keyValueHeads: 2, headSize: 8, intermediate: 96, tieHead: true,
         dropout: {embedding: 0.1, residual: 0.25}, ropeBase: 500000, normEpsilon: 1e-6}
      tokenizer: {kind: file, path: ../tokenizers/small}
      data: {train: [a.txt, /b/c.jsonl], validation: held-out.txt, order: sequential}
      precision: fp32
      batch: {sequences: 32, accumulate: 2, warmup: {from: 8, over: 2M tokens},
              sequenceLength: {from: 8, over: 5M tokens}}
      optimizer: {clip: none, decayRule: all}
      schedule: {kind: wsd, peak: 2e-3, total: 1_000 steps, decay: 25%, decayShape: linear}
      evaluate: none
      checkpoint: {every: 30 minutes, keep: all}
      stop: {after: 2 hours, loss: 3.2, lossKind: training}
      noiseScale: {every: 50 steps, smoothing: 0.5}
      """.replacing("1_000", with: "1000"))
    let model = try #require(recipe.model)
    #expect(
      model
        == ModelRecipe(
          architecture: .llama, layerCount: 0, hiddenSize: 64, headCount: 4, contextLength: 16,
          vocabularySize: 300, keyValueHeadCount: 2, headSize: 8, intermediateSize: 96,
          tiesHead: true, dropout: DropoutRates(embedding: 0.1, residual: 0.25),
          rotaryBase: 500000, normEpsilon: 1e-6))
    #expect(recipe.tokenizer == .file(URL(filePath: "/somewhere/tokenizers/small")))
    #expect(
      recipe.data.source
        == .texts(
          training: [URL(filePath: "/somewhere/recipes/a.txt"), URL(filePath: "/b/c.jsonl")],
          validation: .files([URL(filePath: "/somewhere/recipes/held-out.txt")])))
    #expect(recipe.data.order == .sequential)
    let training = recipe.training
    #expect(training.seed == .max)
    #expect(
      training.batch
        == BatchConfiguration(
          sequences: 32, accumulate: 2, sequencesWarmup: .init(start: 8, tokens: 2_000_000),
          sequenceLengthWarmup: .init(start: 8, tokens: 5_000_000)))
    #expect(training.optimizer == .adamW(AdamWConfiguration(clip: nil, decayRule: .all)))
    #expect(training.schedule.decay == .share(0.25))
    #expect(training.schedule.decayShape == .linear)
    #expect(training.evaluation == nil)
    #expect(training.checkpoint == CheckpointConfiguration(every: .seconds(1800), keep: nil))
    #expect(
      training.stop == StopConditions(after: .seconds(7200), loss: 3.2, lossKind: .training))
    #expect(training.noiseScale == NoiseScaleConfiguration(every: 50, smoothing: 0.5))
  }

  @Test("Muon with its settings beside AdamW's, and AdamW by its name")
  func optimizers() throws {
    func optimizer(_ text: String) throws -> OptimizerConfiguration {
      try decode(minimalRecipe + "\noptimizer: \(text)\n").training.optimizer
    }
    #expect(try optimizer("{kind: muon}") == .muon(MuonConfiguration()))
    #expect(
      try optimizer("{kind: muon, momentum: 0.9, nesterov: false, iterations: 6, beta2: 0.99}")
        == .muon(
          MuonConfiguration(
            adamW: AdamWConfiguration(beta2: 0.99), momentum: 0.9, nesterov: false, iterations: 6)))
    #expect(try optimizer("{kind: adamW, clip: 2}") == .adamW(AdamWConfiguration(clip: 2)))
    for (text, says) in [
      ("{momentum: 0.9}", "belongs to Muon; write kind: muon"), ("{kind: sgd}", "adamW, muon"),
      ("{kind: muon, momentum: 1}", "from 0 to below 1"),
      ("{kind: muon, iterations: 0}", "1 to 20"),
      ("{kind: muon, nesterov: maybe}", "nesterov"),
    ] {
      let error = #expect(throws: StagingError.self) { try optimizer(text) }
      #expect(error.map { "\($0)" }?.contains(says) == true, "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test(
    "a prepared directory stands for texts and tokenizer",
    arguments: ["data: prepared", "data: {prepared: prepared, order: sequential}"])
  func preparedData(data: String) throws {
    let text = minimalRecipe.replacing("tokenizer: {kind: bytes}\n", with: "")
      .replacing("data: {train: corpus.txt}", with: data)
    let recipe = try decode(text)
    #expect(recipe.tokenizer == nil)
    #expect(recipe.data.source == .prepared(URL(filePath: "/somewhere/recipes/prepared")))
    #expect(recipe.data.order == (data.contains("sequential") ? .sequential : .shuffled))
  }

  @Test("the example decodes, and so does each of its commented keys")
  func example() throws {
    let recipe = try decode(Recipe.example)
    #expect(recipe.tokenizer == .bytePairs(vocabularySize: 4096))
    let optional = Recipe.example.split(separator: "\n").filter {
      $0.contains(#/^ +# [a-zA-Z]+: /#)
    }
    #expect(optional.count == 15)
    for line in optional {
      let text = Recipe.example.replacing(
        line, with: line.replacing("# ", with: "", maxReplacements: 1))
      do {
        _ = try decode(text)
      } catch let error as StagingError {
        // Right keys that do not fit this recipe's gpt2 and cosine are told so; unknown ones fail.
        #expect(error.code == .invalidValue, "\(line): \(error)")
      }
    }
  }

  @Test("validation is measured by tokens, by batches, or whole") func evaluation() throws {
    let amounts: [(String, EvaluationConfiguration.Amount)] = [
      ("{every: 100 steps}", .usual), ("{batches: 7}", .batches(7)), ("{tokens: all}", .all),
      ("{tokens: 200k tokens}", .tokens(200_000)),
    ]
    for (text, amount) in amounts {
      let recipe = try decode(minimalRecipe, ["evaluate=\(text)"])
      #expect(recipe.training.evaluation?.amount == amount)
      let again = try RecipeFile(recipe).recipe()
      #expect(again.training.evaluation?.amount == amount)
    }
    #expect(EvaluationConfiguration.Amount.usual == .tokens(65536))
  }

  @Test("what is done about trouble decodes; nothing said is to stop") func trouble() throws {
    let plain = try decode(minimalRecipe).training
    #expect(plain.onNonFinite == nil && plain.onSpike == nil)
    for action in TroubleAction.allCases {
      let recipe = try decode(
        minimalRecipe,
        [
          "onNonFinite=\(action.rawValue)",
          "onSpike={factor: 1.5, window: 20 steps, action: \(action.rawValue)}",
        ])
      #expect(recipe.training.onNonFinite == action)
      #expect(recipe.training.onSpike == .init(factor: 1.5, window: 20, action: action))
    }
    let short = try decode(minimalRecipe, ["onSpike={window: 30, action: skip}"]).training
    #expect(short.onSpike == .init(factor: 2, window: 30, action: .skip))
    #expect(try decode(minimalRecipe, ["onSpike=none"]).training.onSpike == nil)
    // The example's lines, uncommented.
    let example = Recipe.example.replacing("# onNonFinite", with: "onNonFinite")
      .replacing("# onSpike", with: "onSpike")
    #expect(try decode(example).training.onNonFinite == .rollback)
    #expect(try decode(example).training.onSpike == .init(action: .skip))
  }

  @Test("validation may be left out altogether")
  func noValidation() throws {
    let recipe = try decode(minimalRecipe, ["data.validation=none"])
    #expect(
      recipe.data.source
        == .texts(
          training: [URL(filePath: "/somewhere/recipes/corpus.txt")], validation: .none))
  }

  @Test("sizes left out follow the family")
  func modelDefaults() throws {
    let gpt2 = try #require(try decode(minimalRecipe).model)
    let small = try gpt2.configuration(tokenizerVocabularySize: 257)
    #expect(small.intermediateSize == 128)
    #expect(small.vocabularySize == 257)
    #expect(small.tiesHead)
    #expect(small.rotary == nil)

    let llama = ModelRecipe(
      architecture: .llama, layerCount: 32, hiddenSize: 4096, headCount: 32, contextLength: 2048)
    let large = try llama.configuration(tokenizerVocabularySize: 32000)
    #expect(large.intermediateSize == 11008)  // Llama 7B as published
    #expect(large.keyValueHeadCount == 32)
    #expect(!large.tiesHead)
    #expect(large.rotary == RotaryEmbedding(base: 10000))
  }

  @Test("a vocabulary smaller than the tokenizer's is refused")
  func smallVocabulary() throws {
    let model = try #require(try decode(minimalRecipe, ["model.vocabulary=256"]).model)
    let error = #expect(throws: StagingError.self) {
      try model.configuration(tokenizerVocabularySize: 257)
    }
    #expect(
      error?.description
        == "model.vocabulary: 256 is less than the tokenizer's 257; raise it, or leave it out to "
        + "take the tokenizer's")
    #expect(throws: Never.self) { try model.configuration(tokenizerVocabularySize: 256) }
  }
}
