// SPDX-License-Identifier: Apache-2.0
import Espalier
import EspalierCLI
import Foundation
import Testing

@Suite("espalier grow with recipes, families and experts", .serialized)
struct GrowRecipeTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A place with one of the families' models.
  private func place(with model: String) throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    try FileManager.default.copyItem(
      at: Self.tests.appending(path: "GoldenModels/Goldens/families/\(model)"),
      to: place.url.appending(path: model))
    return place
  }

  private func grow(_ arguments: [String], in place: CommandWorkplace) throws
    -> BuiltCommand.Result
  {
    try BuiltCommand.run(["grow"] + arguments, in: place.url)
  }

  private func add(_ recipe: String, to place: CommandWorkplace) throws {
    try FileManager.default.copyItem(
      at: Self.tests.appending(path: "GrowthTests/Goldens/mergekit/\(recipe).yml"),
      to: place.url.appending(path: "\(recipe).yml"))
  }

  @Test("LLaMA-Pro's recipe keeps the loss and names what is new")
  func recipe() throws {
    let place = try place(with: "mistral")
    try add("llama-pro", to: place)
    let result = try grow(
      ["mistral", "-o", "pro", "--recipe", "llama-pro.yml", "--dtype", "float32"], in: place)
    #expect(result.status == 0, "\(result.errors)")
    for piece in [
      "layers        3 → 6", "kept          loss: ",
      "llama-pro.yml: its model, mistral, is taken to be mistral", "Wrote pro",
    ] {
      #expect(result.output.contains(piece), "\(piece): \(result.output)")
    }
    let names = try FileManager.default.contentsOfDirectory(
      atPath: place.url.appending(path: "pro").path)
    #expect(names.contains("new_parameters.json"))
    let receipt = try GrowthReceipt(reading: place.url.appending(path: "pro"))
    #expect(receipt.path.guarantees.contains(.loss))
    let proof = try BuiltCommand.run(["verify", "mistral", "pro"], in: place.url)
    #expect(proof.status == 0, "\(proof.output) \(proof.errors)")
  }

  @Test("a recipe's types are those of the files")
  func types() throws {
    let place = try place(with: "mistral")
    try add("rounded-then-scaled", to: place)
    let result = try grow(
      ["mistral", "-o", "out", "--recipe", "rounded-then-scaled.yml", "--quiet"], in: place)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.isEmpty)
    let grown = try ModelDirectory(reading: place.url.appending(path: "out"))
    #expect(grown.tensors.entries.allSatisfy { $0.dtype == .bfloat16 })
    let other = try grow(
      [
        "mistral", "-o", "other", "--recipe", "rounded-then-scaled.yml", "--dtype", "float16",
      ], in: place)
    #expect(other.status == 64)
    #expect(other.errors.contains("the recipe says bfloat16"), "\(other.errors)")
  }

  @Test("experts come before layers, and files say Mixtral")
  func experts() throws {
    let place = try place(with: "mistral")
    let result = try grow(
      ["mistral", "-o", "mixture", "--experts", "8:4", "--expert-parts", "2", "--depth", "2"],
      in: place)
    #expect(result.status == 0, "\(result.errors)")
    for piece in [
      "by            8 experts, 4 to a token, each copy in 2 parts, then depth 3 → 6",
      "model         mistral → mixtral", "experts       none → 8 (4 to a token)",
    ] {
      #expect(result.output.contains(piece), "\(piece): \(result.output)")
    }
    let model = try ModelDirectory(reading: place.url.appending(path: "mixture")).configuration
      .model
    #expect(model.family == .mixtral && model.layerCount == 6)
    #expect(model.traits.experts?.count == 8 && model.traits.experts?.perToken == 4)
  }

  @Test("a family of one's own is grown by its description")
  func family() throws {
    let place = try place(with: "gpt_neox")
    let config = place.url.appending(path: "gpt_neox/config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
      .replacing("\"gpt_neox\"", with: "\"mine\"")
    try Data(text.utf8).write(to: config)
    let unknown = try grow(["gpt_neox", "-o", "out", "--depth", "2"], in: place)
    #expect(unknown.status == 1)
    #expect(unknown.errors.contains("mine"), "\(unknown.errors)")
    let families = try BuiltCommand.run(["families", "gpt_neox"], in: place.url)
    try Data(families.output.replacing("name: gpt_neox", with: "name: mine").utf8)
      .write(to: place.url.appending(path: "mine.yaml"))
    let result = try grow(
      ["gpt_neox", "-o", "out", "--depth", "2", "--family", "mine.yaml"], in: place)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("model         mine"), "\(result.output)")
    let family = try FamilyFile(contentsOf: place.url.appending(path: "mine.yaml")).family
    let grown = try ModelDirectory(
      reading: place.url.appending(path: "out"), families: [family])
    #expect(grown.configuration.model.layerCount == 4)
  }

  @Test("copies in a stack write less to the residual stream")
  func outputScale() throws {
    let place = try place(with: "mistral")
    let result = try grow(
      [
        "mistral", "-o", "solar", "--layers", "0-1,1-2", "--operator", "copy", "--output-scale",
        "0.5",
      ], in: place)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("depth 3 → 4 (copy, outputs × 0.5)"), "\(result.output)")
    let receipt = try GrowthReceipt(reading: place.url.appending(path: "solar"))
    let scaled = receipt.steps.flatMap(\.tensors).filter { $0.valueScale == 0.5 }.map(\.name)
    #expect(
      Set(scaled) == [
        "model.layers.2.self_attn.o_proj.weight", "model.layers.2.mlp.down_proj.weight",
      ])
  }

  @Test("wrong use has a clear error and leaves nothing behind")
  func mistakes() throws {
    let place = try place(with: "mistral")
    for recipe in ["solar", "two-models", "beyond-the-end"] { try add(recipe, to: place) }
    let before = try names(place)
    let mistakes: [([String], Int32, String)] = [
      (["--recipe", "solar.yml", "--depth", "2"], 64, "--recipe states the layers"),
      (["--recipe", "solar.yml", "--layers", "4"], 64, "--recipe states the layers"),
      (["--experts", "8", "--to", "c.json"], 64, "--experts does not go with it"),
      (["--depth", "2", "--expert-parts", "2"], 64, "does nothing without --experts"),
      (["--depth", "2", "--output-scale", "0.5"], 64, "--output-scale does nothing without"),
      (["--width", "2", "--output-scale", "0.5"], 64, "--output-scale does nothing without"),
      (
        ["--depth", "2", "--operator", "copy", "--output-scale", "0"], 64, "identity-by-output"
      ),
      (["--family", "mine.yaml"], 64, "Say what grows"), (["--experts", "8:x"], 64, "invalid"),
      (["--experts", "8:8"], 1, "fewer to a token"),
      (["--recipe", "missing.yml"], 1, "no readable file here"),
      (["--recipe", "corpus.txt"], 1, "expected keys"),
      (["--recipe", "two-models.yml"], 1, "takes layers of mistral, mistral-sliding"),
      (["--recipe", "beyond-the-end.yml"], 1, "are not among the model's 3"),
      (["--depth", "2", "--family", "missing.yaml"], 1, "no readable file here"),
    ]
    for (arguments, status, message) in mistakes {
      let result = try grow(["mistral", "-o", "out"] + arguments, in: place)
      #expect(result.status == status, "\(arguments): \(result.errors)")
      #expect(result.errors.contains(message), "\(arguments): \(result.errors)")
    }
    #expect(try names(place) == before)
  }

  private func names(_ place: CommandWorkplace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: place.url.path).sorted()
  }
}
