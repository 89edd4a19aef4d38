// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Growth
import Staging
import Testing

@Suite("Inspection")
struct InspectionTests {
  /// The JSON of an inspection as a dictionary.
  private func json(_ inspection: Inspection) throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(inspection))
    return try #require(object as? [String: Any])
  }

  @Test("a run tells its progress, losses and checkpoints")
  func run() throws {
    let place = try Workplace()
    try place.create(["seed=9"]).trainForTest(interruptingAfter: 6)
    guard case .run(let run) = try Inspection.of(place.run) else {
      Issue.record("not a run")
      return
    }
    #expect(run.steps == 6)
    #expect(run.tokens == (try place.loggedSteps().last?.tokens))
    #expect(run.shareDone == 0.5)
    #expect(run.lastEvent == "interrupted")
    #expect(run.trainingLoss?.step == 6)
    #expect(run.validationLoss?.step == 4)
    #expect(run.bestValidationLoss == run.validationLoss)
    #expect(run.lossCurve.count == 6)
    #expect(run.overrides == ["seed=9"])
    #expect(run.checkpoints.map(\.step) == [2, 4, 6])
    #expect(run.checkpoints.allSatisfy { $0.problems.isEmpty })
    #expect(run.recipe?.model?.parameterCount == 3008)
    #expect(try json(.run(run))["kind"] as? String == "run")
  }

  @Test("a run that has not begun has no progress")
  func newRun() throws {
    let place = try Workplace()
    _ = try place.create()
    guard case .run(let run) = try Inspection.of(place.run) else {
      Issue.record("not a run")
      return
    }
    #expect(run.steps == 0)
    #expect(run.trainingLoss == nil)
    #expect(run.checkpoints.isEmpty)
  }

  @Test("a checkpoint tells its model, counts, progress and integrity")
  func checkpoint() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 6)
    let url = place.checkpoints.url(step: 6)
    guard case .model(let model) = try Inspection.of(url) else {
      Issue.record("not a model")
      return
    }
    // 257 × 8 tokens, 8 × 8 positions; a block of 12 · 8² weights, 9 · 8 biases and 4 · 8 in its
    // norms (attention 4 · 64 + 4 · 8, feed-forward 8 · 64 + 5 · 8); 16 in the final norm.
    #expect(model.parameterCount == 257 * 8 + 8 * 8 + 12 * 64 + 9 * 8 + 4 * 8 + 16)
    #expect(model.parameterCountWithoutEmbeddings == 12 * 64 + 9 * 8 + 4 * 8 + 16)
    #expect(model.weightType == .float32)
    guard case .intact = model.integrity else {
      Issue.record("\(model.integrity)")
      return
    }
    let training = try #require(model.training)
    #expect(training.status.progress.steps == 6)
    #expect(training.scheduleShare == 0.5)
    // Step 7 of 12 is the first of the decay's six.
    #expect(training.learningRate < 1e-2)
    #expect(training.status.lineage.map(\.operation) == ["initialized"])
    #expect(try json(.model(model))["integrity"] as? [String: String] == ["state": "intact"])
    #expect(!Inspection.model(model).isDamaged)
  }

  @Test("damage is told, by sizes alone or by checksums")
  func damage() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 2)
    let url = place.checkpoints.url(step: 2)
    let file = url.appending(path: "optimizer.safetensors")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: file)
    #expect(try Inspection.of(url, verify: true).isDamaged)
    #expect(try Inspection.of(place.run, verify: true).isDamaged)
    #expect(try !Inspection.of(url, verify: false).isDamaged)
    try bytes.dropLast(1).write(to: file)
    #expect(try Inspection.of(url, verify: false).isDamaged)
  }

  @Test("a bare Hugging Face directory needs neither manifest nor training")
  func bareModel() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 2)
    let bare = place.url.appending(path: "bare", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: bare, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: place.checkpoints.url(step: 2).appending(path: name), to: bare.appending(path: name))
    }
    guard case .model(let model) = try Inspection.of(bare) else {
      Issue.record("not a model")
      return
    }
    #expect(model.training == nil)
    guard case .noManifest = model.integrity else {
      Issue.record("\(model.integrity)")
      return
    }
  }

  @Test("a safetensors file is a table of tensors")
  func tensors() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 2)
    let url = place.checkpoints.url(step: 2).appending(path: "model.safetensors")
    guard case .tensors(let file) = try Inspection.of(url) else {
      Issue.record("not tensors")
      return
    }
    #expect(file.elementCount == 3008)
    let embedding = file.tensors.first { $0.name == "transformer.wte.weight" }
    #expect(embedding?.shape == [257, 8])
    #expect(embedding?.type == "F32")
    #expect(embedding?.bytes == 257 * 8 * 4)
  }

  @Test("tokens and recipes are known")
  func tokensAndRecipes() throws {
    let place = try Workplace()
    try place.create().trainForTest(interruptingAfter: 1)
    let data = RunDirectory(place.run).data
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: data.path).first { !$0.hasPrefix(".") })
    guard case .tokens(let tokens) = try Inspection.of(data.appending(path: name)) else {
      Issue.record("not tokens")
      return
    }
    #expect(tokens.vocabularySize == 257)
    #expect(tokens.splits.map(\.name) == ["train", "validation"])
    #expect(tokens.splits.allSatisfy { $0.checksums == .intact })

    guard case .recipe(let recipe) = try Inspection.of(RunDirectory(place.run).recipe) else {
      Issue.record("not a recipe")
      return
    }
    #expect(recipe.model?.configuration.vocabularySize == 257)
    #expect(recipe.training.seed == 5)
  }

  @Test("anything else is an error that says what was expected")
  func unknown() throws {
    let place = try Workplace()
    for (path, message) in [
      (place.url.appending(path: "nothing"), "there is no such file or directory"),
      (
        place.url.appending(path: "corpus.txt"),
        "is nothing that can be inspected by itself; expected a .safetensors or .yaml file, a growth.json, "
          + "or a directory"
      ),
      (
        place.url,
        "the directory holds no run (run.json), model (config.json) or tokens (manifest.json)"
      ),
    ] {
      let error = #expect(throws: StagingError.self) { try Inspection.of(path) }
      #expect(error?.message == message)
    }
  }

  @Test("a receipt tells what was done, to what, and what was promised")
  func receipt() throws {
    let small = ModelConfiguration(
      architecture: .gpt2, layerCount: 2, hiddenSize: 8, headCount: 2, intermediateSize: 16,
      vocabularySize: 32, contextLength: 8, tiesHead: true)
    let way = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).path(
      from: small, options: GrowthOptions(seed: 7, source: "small", sourceHash: "abc"))
    let receipt = GrowthReceipt(way, step: 12)
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: GrowthReceipt.fileName)
    try receipt.encoded().write(to: file)
    guard case .growth(let growth) = try Inspection.of(file) else {
      Issue.record("not a receipt")
      return
    }
    #expect(growth.operation == way.operation)
    #expect(growth.source == small && growth.target == way.target)
    #expect(Set(growth.guarantees) == way.guarantees)
    #expect(growth.options.seed == 7 && growth.step == 12)
    #expect(try json(.growth(growth))["kind"] as? String == "growth")
    try Data("{}".utf8).write(to: file)
    #expect(throws: GrowthError.self) { try Inspection.of(file) }
  }
}
