// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing

@Suite("All mistakes of a recipe at once")
struct AllMistakesTests {
  private func error(_ text: String, _ overrides: [String] = []) -> StagingError? {
    #expect(throws: StagingError.self) {
      try RecipeFile(
        text: text, name: "recipe.yaml", directory: URL(filePath: "/recipes"),
        overrides: overrides.map { try RecipeOverride(parsing: $0) }
      ).recipe()
    }
  }

  @Test("each is told with its line, by lines")
  func several() {
    let error = error(
      """
      version: 1
      model: {architecture: gpt2, n_layer: 2, hidden: wide, heads: 4, context: 16}
      tokenizer: {kind: bytes}
      data: {train: a.txt}
      batch: {sequences: 0, accumulate: many}
      schedule: {kind: constant, peak: -1, decay: 20%}
      optimizer: {beta1: 1, weight_decay: 0.1}
      lr: 3e-4
      stop: {after: 10}
      """, ["evaluate.every=often"])
    #expect(error?.code == .severalMistakes)
    #expect(
      error?.description
        == """
        recipe.yaml: 11 mistakes:
          recipe.yaml:2: model.n_layer: unknown key; did you mean layers?
          recipe.yaml:2: model.hidden: got wide; expected an integer from 1 to 268435456
          recipe.yaml:5: batch.sequences: got 0; expected an integer from 1 to 16777216
          recipe.yaml:5: batch.accumulate: got many; expected an integer from 1 to 16777216
          recipe.yaml:6: schedule.peak: got -1; expected a number above 0
          recipe.yaml:7: optimizer.weight_decay: unknown key; did you mean weightDecay?
          recipe.yaml:7: optimizer.beta1: got 1; expected a number from 0 to below 1
          recipe.yaml:8: lr: unknown key; did you mean schedule.peak?
          recipe.yaml:9: stop.after: got 10; expected a duration, such as 200 steps, 20M tokens, \
        1.5e15 FLOPs or 90 minutes
          --set evaluate.every=often: evaluate.every: got often; expected a duration, such as \
        200 steps, 20M tokens, 1.5e15 FLOPs or 90 minutes
        """.replacing("11 mistakes", with: "10 mistakes"))
  }

  @Test("what does not fit together is told of every part whose values are right")
  func conflicts() {
    let error = error(
      """
      version: 1
      model: {architecture: gpt2, layers: 2, hidden: 32, heads: 5, context: 16}
      data: {train: a.txt, validation: {fraction: 0.1, files: b.txt}}
      batch: {sequences: 4}
      schedule: {kind: constant, peak: 1e-3, decay: 20%}
      stop: {after: 3 steps, further: 4 steps}
      stages:
        - {until: {after: 1 step, atLatest: 50%}}
        - {model: {layers: 1}}
      """)
    let lines = error?.message.split(separator: "\n").dropFirst() ?? []
    #expect(lines.count == 6, "\(error?.description ?? "")")
    for part in ["model.heads", "validation.files", "schedule.decay", "stop.further", "atLatest"] {
      #expect(error?.message.contains(part) == true, "\(part)")
    }
  }

  @Test("mistakes that follow from others are not told")
  func consequences() {
    #expect(
      error(minimalRecipe.replacing("hidden: 32", with: "hidden: x"))?.description
        == "recipe.yaml:2: model.hidden: got x; expected an integer from 1 to 268435456")
    #expect(
      error(minimalRecipe.replacing("schedule:", with: "shedule:"))?.description
        == "recipe.yaml:6: shedule: unknown key; did you mean schedule?")
  }

  @Test("more mistakes than anybody reads end the list")
  func many() {
    let keys = (0..<200).map { "key\($0): 1" }.joined(separator: "\n")
    let error = error(minimalRecipe + "\n" + keys)
    #expect(error?.message.hasPrefix("the first 50 mistakes:") == true)
  }

  @Test(
    "names of nanoGPT, transformers, litgpt and OLMo lead to the recipe's keys",
    arguments: [
      "lr": "schedule.peak", "hiddenSize": "model.hidden", "d_model": "model.hidden",
      "n_layer": "model.layers", "n_head": "model.heads", "n_embd": "model.hidden",
      "block_size": "model.context", "batch_size": "batch.sequences",
      "learning_rate": "schedule.peak", "max_iters": "stop.after",
      "weight_decay": "optimizer.weightDecay", "beta1": "optimizer.beta1",
      "adam_beta2": "optimizer.beta2", "num_hidden_layers": "model.layers",
      "micro_batch_size": "batch.sequences", "global_batch_size": "batch.sequences",
      "max_tokens": "stop.after", "lr_warmup_steps": "schedule.warmup",
      "warmup-iters": "schedule.warmup", "min_lr": "schedule.floor", "grad_clip": "optimizer.clip",
      "gradient_accumulation_steps": "batch.accumulate", "rms_norm_eps": "model.normEpsilon",
      "num_key_value_heads": "model.keyValueHeads", "rope_theta": "model.ropeBase",
      "tie_word_embeddings": "model.tieHead", "vocab_size": "model.vocabulary",
      "max_position_embeddings": "model.context", "eval_interval": "evaluate.every",
      "eval_iters": "evaluate.batches", "save_total_limit": "checkpoint.keep",
      "lr_scheduler_type": "schedule.kind", "max_grad_norm": "optimizer.clip",
      "torch_dtype": "precision", "dataset": "data.train", "attn_pdrop": "model.dropout.attention",
      "mlp_hidden_size": "model.intermediate", "max_sequence_length": "model.context",
      "layers": "model.layers", "peak": "schedule.peak", "clip": "optimizer.clip",
      "hidden_dropout_prob": "model.dropout.residual",
      "attention_probs_dropout_prob": "model.dropout.attention",
      "per_gpu_train_batch_size": "batch.sequences", "val_split_fraction": "data.validation",
    ])
  func foreignNames(name: String, target: String) {
    let error = error(minimalRecipe + "\n\(name): 1")
    #expect(error?.message == "unknown key; did you mean \(target)?", "\(name)")
  }

  @Test("a suggestion is always a key that the recipe has")
  func suggestionsExist() throws {
    #expect(Set(RecipeNames.foreign.values).isSubset(of: RecipeNames.paths))
    for target in Set(RecipeNames.foreign.values) {
      var message = ""
      do {
        _ = try decode(minimalRecipe, ["\(target)={}"])
      } catch let error as StagingError {
        message = error.message
      }
      #expect(!message.contains("unknown key"), "\(target)")
    }
  }

  @Test(
    "settings that a recipe does not have are explained",
    arguments: [
      "out_dir": "-o", "output_dir": "-o", "init_from": "--from",
      "resume_from_checkpoint": "--resume",
      "log_interval": "log.jsonl", "wandb_project": "log.jsonl", "compile": "compiles",
      "device": "engine",
      "ddp_backend": "engine", "always_save_checkpoint": "checkpoint: {every, keep}",
      "eval_only": "evaluate.every", "bias": "architecture", "push_to_hub": "espalier export",
      "dataloader_num_workers": "espalier prepare", "hidden_act": "architecture",
      "per_device_eval_batch_size": "batch size of training", "initial_checkpoint_dir": "--from",
      "logger_name": "log.jsonl", "initializer_range": "seed", "tokenizer_dir": "kind: file",
      "eos_token_id": "tokenizer",
    ])
  func explainedNames(name: String, words: String) {
    let message = error(minimalRecipe + "\n\(name): 1")?.message ?? ""
    #expect(message.hasPrefix("unknown key; ") && message.contains(words), "\(name): \(message)")
    #expect(!message.contains("did you mean") && !message.contains("expected one of"))
  }

  @Test("no name is both explained and another word for a key")
  func disjointNames() {
    #expect(Set(RecipeExplanations.allNames).isDisjoint(with: RecipeNames.foreign.keys))
  }

  @Test("in its own group a name leads to the key alone")
  func localNames() {
    let text = minimalRecipe.replacing("batch: {sequences: 4}", with: "batch: {batch_size: 4}")
    #expect(
      error(text)?.description
        == "recipe.yaml:5: batch.batch_size: unknown key; did you mean sequences?")
  }

  @Test("a value of ten megabytes is quoted in part, wherever it stands")
  func longValues() {
    let long = String(repeating: "x", count: 10 << 20)
    for text in [
      minimalRecipe.replacing("hidden: 32", with: "hidden: \(long)"),
      minimalRecipe.replacing("kind: constant", with: "kind: \(long)"),
      minimalRecipe.replacing("after: 10 steps", with: "after: \(long)"),
      minimalRecipe + "\n\(long): 1",
      minimalRecipe + "\n\"\(long)\": 1",
    ] {
      let error = error(text)
      #expect((error?.description.count ?? .max) < 600)
      #expect((error?.description.contains("…") ?? false) || error?.code == .invalidYAML)
    }
  }

  @Test("a stage's mistake names its key path once")
  func stages() {
    let text =
      minimalRecipe + """

        stages:
          - {model: {layers: 1}, until: {after: 2 steps}, grow: {layers: 3}}
          - {}
        """
    let error = error(text)
    #expect(error?.description.contains("stages: stages") == false, "\(error?.description ?? "")")
    let start = "recipe.yaml:9: stages[0].grow.layers: leads to layers 3"
    #expect(error?.description.hasPrefix(start) == true, "\(error?.description ?? "")")
  }
}
