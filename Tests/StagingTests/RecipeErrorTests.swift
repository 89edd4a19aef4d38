// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing

/// A change to the minimal recipe and what the reader says of it.
struct RecipeMistake: Sendable, CustomTestStringConvertible {
  var line: String
  var replacement: String
  var code: StagingError.Code
  var message: String

  var testDescription: String { replacement }

  init(_ line: String, _ replacement: String, _ code: StagingError.Code, _ message: String) {
    self.line = line
    self.replacement = replacement
    self.code = code
    self.message = message
  }

  /// The minimal recipe with the line that begins so replaced.
  var text: String {
    minimalRecipe.split(separator: "\n").map {
      $0.hasPrefix(line) ? replacement : String($0)
    }.joined(separator: "\n")
  }
}

@Suite("Mistakes in recipes")
struct RecipeErrorTests {
  static let mistakes: [RecipeMistake] = [
    // The file as a whole
    .init(
      "version", "", .missingKey,
      "recipe.yaml:2: version: this key is missing; expected version: 1"),
    .init(
      "version", "version: 2", .invalidValue,
      "recipe.yaml:1: version: version 2 of the format is unknown; this program reads version 1"),
    .init(
      "batch", "batch: {sequences: 4", .invalidYAML,
      "recipe.yaml:6: not YAML: did not find expected ',' or '}' at column 9"),
    .init(
      "batch", "seed: 1\nseed: 2", .invalidYAML,
      "recipe.yaml:5: the key seed stands twice; keep one"),

    // Unknown and missing keys
    .init(
      "batch", "bach: {sequences: 4}", .unknownKey,
      "recipe.yaml:5: bach: unknown key; did you mean batch?"),
    .init(
      "model",
      "model:\n  architecture: gpt2\n  layer: 2\n  hidden: 32\n  heads: 4\n  context: 16",
      .unknownKey,
      "recipe.yaml:4: model.layer: unknown key; did you mean layers?"),
    .init(
      "batch", "batch: {sequences: 4, colour: red}", .unknownKey,
      "recipe.yaml:5: batch.colour: unknown key; expected one of sequences, accumulate, warmup, "
        + "sequenceLength"),
    .init(
      "batch", "batch: {sequences: 4}\noptimizer: {betal: 0.9}", .unknownKey,
      "recipe.yaml:6: optimizer.betal: unknown key; did you mean beta1?"),
    .init(
      "model", "model: {architecture: gpt2, layers: 2, heads: 4, context: 16}", .missingKey,
      "recipe.yaml:2: model.hidden: this key is missing; expected the width of the residual stream"
    ),
    .init(
      "batch", "batch: {accumulate: 2}", .missingKey,
      "recipe.yaml:5: batch.sequences: this key is missing; expected the sequences of a micro-batch"
    ),
    .init(
      "stop", "", .missingKey,
      "recipe.yaml:1: stop: this key is missing; expected after: a duration, or loss: a number"),

    // Types
    .init(
      "batch", "batch: 32", .wrongType,
      "recipe.yaml:5: batch: got 32; expected keys: sequences, accumulate, warmup, sequenceLength"),
    .init(
      "batch", "batch: {sequences: many}", .wrongType,
      "recipe.yaml:5: batch.sequences: got many; expected an integer from 1 to 16777216"),
    .init(
      "batch", "batch: {sequences: \"4\"}", .wrongType,
      "recipe.yaml:5: batch.sequences: got the text \"4\"; expected an integer from 1 to 16777216"),
    .init(
      "batch", "batch: {sequences: 4.0}", .wrongType,
      "recipe.yaml:5: batch.sequences: got 4.0; expected an integer from 1 to 16777216"),
    .init(
      "batch", "batch: {sequences: [4]}", .wrongType,
      "recipe.yaml:5: batch.sequences: this is a list; expected an integer from 1 to 16777216"),
    .init(
      "batch", "batch: {sequences: {a: 1}}", .wrongType,
      "recipe.yaml:5: batch.sequences: this is a group of keys; expected an integer from 1 to "
        + "16777216"),
    .init(
      "batch", "batch: {sequences: }", .wrongType,
      "recipe.yaml:5: batch.sequences: there is no value; expected an integer from 1 to 16777216"),
    .init(
      "batch", "batch: {sequences: 4}\nseed: -1", .wrongType,
      "recipe.yaml:6: seed: got -1; expected an integer from 0 to 18446744073709551615"),
    .init(
      "batch", "batch: {sequences: 4}\noptimizer: {clip: .inf}", .wrongType,
      "recipe.yaml:6: optimizer.clip: got .inf; expected a number above 0, or none"),
    .init(
      "model",
      "model: {architecture: llama, layers: 2, hidden: 32, heads: 4, context: 16, "
        + "tieHead: maybe}", .wrongType,
      "recipe.yaml:2: model.tieHead: got maybe; expected true or false"),
    .init(
      "stop", "stop: {after: 10}", .wrongType,
      "recipe.yaml:7: stop.after: got 10; expected a duration, such as 200 steps, 20M tokens, "
        + "1.5e15 FLOPs or 90 minutes"),
    .init(
      "stop", "stop: {}", .wrongType,
      "recipe.yaml:7: stop: this is a group of keys; expected after: a duration, loss: a number, or "
        + "both"),
    .init(
      "data", "data: {train: {a: b}}", .wrongType,
      "recipe.yaml:4: data.train: this is a group of keys; expected a text file, a folder, or a list "
        + "of them"),

    // Values
    .init(
      "model", "model: {architecture: gpt3, layers: 2, hidden: 32, heads: 4, context: 16}",
      .invalidValue,
      "recipe.yaml:2: model.architecture: got gpt3; expected one of gpt2, llama; did you mean gpt2?"
    ),
    .init(
      "batch", "batch: {sequences: 4}\nprecision: fp8", .invalidValue,
      "recipe.yaml:6: precision: got fp8; expected one of fp32, bf16"),
    .init(
      "schedule", "schedule: {kind: exponential, peak: 1e-3}", .invalidValue,
      "recipe.yaml:6: schedule.kind: got exponential; expected one of constant, linear, cosine, wsd"
    ),
    .init(
      "batch", "batch: {sequences: 0}", .invalidValue,
      "recipe.yaml:5: batch.sequences: got 0; expected an integer from 1 to 16777216"),
    .init(
      "batch", "batch: {sequences: 4}\noptimizer: {beta1: 1}", .invalidValue,
      "recipe.yaml:6: optimizer.beta1: got 1; expected a number from 0 to below 1"),
    .init(
      "batch", "batch: {sequences: 4}\noptimizer: {clip: 0}", .invalidValue,
      "recipe.yaml:6: optimizer.clip: got 0; expected a number above 0, or none"),
    .init(
      "schedule", "schedule: {kind: constant, peak: -1}", .invalidValue,
      "recipe.yaml:6: schedule.peak: got -1; expected a number above 0"),
    .init(
      "data", "data: {train: a.txt, validation: {fraction: 1}}", .invalidValue,
      "recipe.yaml:4: data.validation.fraction: got 1; expected a share between 0 and 1, such as "
        + "0.02"),
    .init(
      "data", "data: {train: []}", .invalidValue,
      "recipe.yaml:4: data.train: the list is empty; expected a text file, a folder, or a list of "
        + "them"),
    .init(
      "data", "data: {train: [a.txt, \"\"]}", .invalidValue,
      "recipe.yaml:4: data.train[1]: got the text \"\"; expected a path"),
    .init(
      "schedule", "schedule: {kind: cosine, peak: 1e-3, total: 3 hours}", .invalidValue,
      "recipe.yaml:6: schedule.total: got 3 hours; expected a number of steps, tokens or FLOPs, such "
        + "as 200 steps or 20M tokens"),
    .init(
      "stop", "stop: {after: 0 steps}", .invalidValue,
      "recipe.yaml:7: stop.after: got 0 steps; expected a duration above 0"),

    // Contradictions
    .init(
      "model", "model: {architecture: gpt2, layers: 2, hidden: 32, heads: 5, context: 16}",
      .invalidValue,
      "recipe.yaml:2: model.heads: 5 heads do not divide the hidden size 32; change one, or set "
        + "headSize"),
    .init(
      "model",
      "model: {architecture: gpt2, layers: 2, hidden: 32, heads: 4, context: 16, "
        + "keyValueHeads: 2}", .invalidValue,
      "recipe.yaml:2: model.keyValueHeads: gpt2 has no keyValueHeads; remove it, or use "
        + "architecture: llama"),
    .init(
      "model",
      "model: {architecture: llama, layers: 2, hidden: 32, heads: 4, context: 16, "
        + "keyValueHeads: 3}", .invalidValue,
      "recipe.yaml:2: model.keyValueHeads: 3 does not divide the 4 query heads"),
    .init(
      "model", "model: {architecture: llama, layers: 2, hidden: 12, heads: 4, context: 16}",
      .invalidValue,
      "recipe.yaml:2: model.heads: heads 3 wide; rotary positions turn pairs and need an even "
        + "width"),
    .init(
      "data", "data: {prepared: p, train: a.txt}", .invalidValue,
      "recipe.yaml:4: data.train: prepared data bring their own texts and validation; remove this "
        + "key or data.prepared"),
    .init(
      "data", "data: prepared", .invalidValue,
      "recipe.yaml:3: tokenizer: prepared data bring their own tokenizer; remove this key"),
    .init(
      "data", "data: {train: a.txt, validation: {fraction: 0.1, files: b.txt}}", .invalidValue,
      "recipe.yaml:4: data.validation.files: fraction and files exclude each other; keep one"),
    .init(
      "schedule", "schedule: {kind: constant, peak: 1e-3}\nonNonFinite: retry", .invalidValue,
      "recipe.yaml:7: onNonFinite: got retry; expected one of stop, skip, rollback"),
    .init(
      "schedule", "schedule: {kind: constant, peak: 1e-3}\nonSpike: {factor: 1, action: skip}",
      .invalidValue, "recipe.yaml:7: onSpike.factor: got 1; expected a number above 1"),
    .init(
      "schedule", "schedule: {kind: constant, peak: 1e-3}\nonSpike: {window: 0, action: skip}",
      .invalidValue,
      "recipe.yaml:7: onSpike.window: got 0; expected an integer from 1 to 10000"),
    .init(
      "schedule", "schedule: {kind: constant, peak: 1e-3}\nonSpike: {factor: 2}", .missingKey,
      "recipe.yaml:7: onSpike.action: this key is missing; expected skip, rollback or stop"),
    .init(
      "schedule",
      "schedule: {kind: constant, peak: 1e-3}\nevaluate: {batches: 3, tokens: all}", .invalidValue,
      "recipe.yaml:7: evaluate.batches: batches and tokens exclude each other; keep one"),
    .init(
      "schedule", "schedule: {kind: constant, peak: 1e-3}\nevaluate: {tokens: 30}", .wrongType,
      "recipe.yaml:7: evaluate.tokens: got 30; expected a number of tokens, such as 200k tokens, or "
        + "all"),
    .init(
      "tokenizer", "tokenizer: {kind: bytes, vocabulary: 300}", .unknownKey,
      "recipe.yaml:3: tokenizer.vocabulary: unknown key; expected one of kind"),
    .init(
      "schedule", "schedule: {kind: constant, peak: 1e-3, decay: 20%}", .invalidValue,
      "recipe.yaml:6: schedule.decay: only a wsd schedule has decay; remove it, or use kind: wsd"),
    .init(
      "schedule", "schedule: {kind: linear, peak: 1e-3, warmup: 20 steps}", .invalidValue,
      "recipe.yaml:6: schedule.warmup: 20 steps is longer than the total of 10 steps"),
    .init(
      "batch", "batch: {sequences: 4, warmup: {from: 8, over: 1k tokens}}", .invalidValue,
      "recipe.yaml:5: batch.warmup.from: 8 is more than the 4 sequences of a full step"),
    .init(
      "batch", "batch: {sequences: 4, sequenceLength: {from: 32, over: 1k tokens}}", .invalidValue,
      "recipe.yaml:5: batch.sequenceLength.from: 32 is more than the model's context of 16"),
    .init(
      "batch", "batch: {sequences: 1}\nnoiseScale: {every: 2 steps}", .invalidValue,
      "recipe.yaml:6: noiseScale: a step of one sequence has no smaller batch to compare with; give "
        + "it more sequences"),
    .init(
      "data", "data: {train: a.txt, validation: {}}", .wrongType,
      "recipe.yaml:4: data.validation: this is a group of keys; expected fraction: … or files: […], "
        + "or none"),
    .init(
      "stop", "evaluate: none\nstop: {loss: 3}", .invalidValue,
      "recipe.yaml:8: stop.loss: the validation loss is never measured; give 'evaluate', or stop at "
        + "the training loss"),
  ]

  @Test("is named with its line, key, value and remedy", arguments: mistakes)
  func mistake(_ mistake: RecipeMistake) {
    let error = #expect(throws: StagingError.self) { try decode(mistake.text) }
    #expect(error?.description == mistake.message)
    #expect(error?.code == mistake.code)
  }

  @Test("an empty recipe points to the example")
  func empty() {
    let error = #expect(throws: StagingError.self) { try decode("# nothing\n") }
    #expect(
      error?.description
        == "recipe.yaml: the recipe is empty; `espalier train --example` prints one")
  }

  @Test("a missing file is named")
  func missingFile() {
    let error = #expect(throws: StagingError.self) {
      try RecipeFile(contentsOf: URL(filePath: "/nowhere/recipe.yaml"))
    }
    #expect(
      error?.description
        == "/nowhere/recipe.yaml: there is no readable file here; expected a recipe in YAML")
  }
}
