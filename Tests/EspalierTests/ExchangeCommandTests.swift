// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import GoldenModels
import Testing

@Suite("espalier export and import", .serialized)
struct ExchangeCommandTests {
  private func run(_ arguments: String..., in place: CommandWorkplace) throws -> BuiltCommand.Result
  {
    try BuiltCommand.run(arguments, in: place.url)
  }

  private func object(_ result: BuiltCommand.Result) throws -> [String: Any] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  @Test("a run becomes a model, of a type, in shards")
  func export() throws {
    let place = try CommandWorkplace.trained()
    let result = try run(
      "export", "run", "-o", "out", "--dtype", "bfloat16", "--shard-size", "2kB", in: place)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("3,128 parameters, bfloat16"))
    #expect(result.output.contains("Wrote out"))
    let out = place.url.appending(path: "out")
    let names = try FileManager.default.contentsOfDirectory(atPath: out.path)
    #expect(names.contains("model.safetensors.index.json") && names.contains("tokenizer.json"))
    #expect(!names.contains("training_state.json") && !names.contains("optimizer.safetensors"))
    #expect(try ModelDirectory(reading: out).configuration.weightType == .bfloat16)
    let again = try run("export", "run", "-o", "out", in: place)
    #expect(again.status == 1 && again.errors.contains("--overwrite"))
    let json = try run("export", "run", "-o", "out", "--overwrite", "--json", in: place)
    #expect(json.status == 0, "\(json.errors)")
    let report = try object(json)
    #expect(report["weightType"] as? String == "float32")
    #expect(report["parameterCount"] as? Int == 3128)
    let evaluation = try run(
      "evaluate", "out", "--text", "corpus.txt", "--json", in: place)
    #expect(evaluation.status == 0, "\(evaluation.errors)")
  }

  @Test("the optimizer goes out and comes back; the checkpoint grows and trains on")
  func roundTrip() throws {
    let place = try CommandWorkplace.trained()
    let export = try run("export", "run", "-o", "torch", "--optimizer", "torch", in: place)
    #expect(export.status == 0, "\(export.errors)")
    for piece in ["AdamW, step 4, betas 0.9, 0.95", "6 tensors: lr ", "weight_decay 0.1"] {
      #expect(export.output.contains(piece), "\(piece): \(export.output)")
    }
    let imported = try run(
      "import", "torch", "--optimizer", "torch/optimizer_torch.safetensors", "-o", "back",
      "--recipe",
      "recipe.yaml", "--json", in: place)
    #expect(imported.status == 0, "\(imported.errors)")
    let report = try object(imported)
    #expect(report["step"] as? Int == 4 && report["tokens"] as? Int == 256)
    #expect((report["notes"] as? [String])?.isEmpty == true)
    let before = try #require(try CheckpointStore(place.run("run").checkpoints).latestValid().item)
    let (one, other) = (
      try TrainingState(reading: before.url),
      try TrainingState(reading: place.url.appending(path: "back"))
    )
    for (one, other) in zip(one.parameters, other.parameters) {
      #expect(one.value.floats == other.value.floats)
      #expect(one.firstMoment?.floats == other.firstMoment?.floats)
      #expect(one.secondMoment?.floats == other.secondMoment?.floats)
      #expect(one.stepCount == other.stepCount)
    }
    let grown = try run("grow", "back", "-o", "large", "--width", "2", "--quiet", in: place)
    #expect(grown.status == 0, "\(grown.errors)")
    let recipe = try String(contentsOf: place.url.appending(path: "recipe.yaml"), encoding: .utf8)
    try recipe.split(separator: "\n").filter { !$0.hasPrefix("model") }.joined(separator: "\n")
      .write(
        to: place.url.appending(path: "grown.yaml"), atomically: true, encoding: .utf8)
    let training = try run(
      "train", "grown.yaml", "-o", "second", "--continue-from", "large", "--set",
      "stop.after=6 steps", "--quiet", in: place)
    #expect(training.status == 0, "\(training.errors)")
    #expect(try place.loggedSteps("second").map(\.step) == [5, 6])
  }

  @Test("what a recipe must say is printed, and mistakes say what to do")
  func words() throws {
    let place = try CommandWorkplace.trained()
    #expect(try run("export", "run", "-o", "torch", "--optimizer", "torch", in: place).status == 0)
    let alone = try run(
      "import", "torch", "--optimizer", "torch/optimizer_torch.safetensors", "-o", "back", in: place
    )
    #expect(alone.status == 0, "\(alone.errors)")
    #expect(
      alone.output.contains(
        "optimizer: {beta1: 0.9, beta2: 0.95, epsilon: 1e-08, weightDecay: 0.1, decayRule: matrices, "
          + "clip: 1.0}"), "\(alone.output)")
    for (arguments, status, expected) in [
      (["export", "nowhere", "-o", "x"], 1, "does not exist"),
      (["export", "torch", "-o", "x", "--optimizer", "torch"], 1, "holds weights alone"),
      (["export", "run", "-o", "x", "--optimizer", "jax"], 64, "torch"),
      (["export", "run", "-o", "x", "--dtype", "int8"], 64, "--dtype"),
      (["export", "run"], 64, "--output"),
      (["import", "torch", "-o", "x"], 64, "--optimizer"),
      (
        ["import", "torch", "-o", "x", "--optimizer", "torch/model.safetensors"], 1,
        "has no remark “adamw”"
      ),
      (
        [
          "import", "torch", "-o", "x", "--step", "3", "--optimizer",
          "torch/optimizer_torch.safetensors",
        ], 1, "step: 3 is less than the 4 updates"
      ),
      (
        ["import", "torch", "-o", "x", "--tokens", "many", "--optimizer", "y"], 64, "--tokens"
      ),
    ] as [([String], Int32, String)] {
      let result = try BuiltCommand.run(arguments, in: place.url)
      #expect(result.status == status, "\(arguments)")
      #expect((result.output + result.errors).contains(expected), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: place.url.appending(path: "x").path))
    }
  }

  @Test("the article shows the script as it is")
  func article() throws {
    let script = try String(
      contentsOf: packageRoot.appending(path: "Scripts/reference/torch_optimizer.py"),
      encoding: .utf8)
    let article = try String(
      contentsOf: packageRoot.appending(
        path: "Sources/Espalier/Espalier.docc/OptimizerExchange.md"), encoding: .utf8)
    let body = script.split(separator: "\n", maxSplits: 1)[1]
    #expect(article.contains("```python\n\(body)```"))
  }
}
