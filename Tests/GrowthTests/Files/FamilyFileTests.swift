// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Interpretation
import Testing
import Training

struct FamilyFileTests {
  @Test("A description says all of a family", arguments: DecoderFamily.known)
  func roundTrip(_ family: DecoderFamily) throws {
    let yaml = try FamilyFile(family).yaml()
    #expect(try FamilyFile(yaml: yaml, name: "family.yaml").family == family)
  }

  @Test("A short description is Llama but for what it names")
  func shortDescription() throws {
    let file = try FamilyFile(
      yaml: """
        name: mine
        modelClass: MineForCausalLM
        traits: {attentionBias: true}
        tensors: {queryKeyValue: self_attn.qkv, gateUp: mlp.gate_up}
        keys: {headSize: head_dim}
        """, name: "mine.yaml")
    var expected = DecoderFamily(name: "mine", modelClass: "MineForCausalLM")
    expected.traits.attentionBias = true
    expected.tensors.query = nil
    expected.tensors.key = nil
    expected.tensors.value = nil
    expected.tensors.queryKeyValue = "self_attn.qkv"
    expected.tensors.gate = nil
    expected.tensors.up = nil
    expected.tensors.gateUp = "mlp.gate_up"
    expected.keys.headSize = "head_dim"
    #expect(file.family == expected)
  }

  struct Mistake: Sendable {
    var yaml: String
    var says: [String]
  }

  static let mistakes = [
    Mistake(yaml: "name: [", says: ["mine.yaml"]),
    Mistake(yaml: "name: mine", says: ["modelClass", "missing"]),
    Mistake(
      yaml: "{name: mine, modelClass: M, traits: {gatd: true}}",
      says: ["traits.gatd", "no key here", "gated"]),
    Mistake(yaml: "{name: mine, modelClass: M, traits: {norm: batch}}", says: ["traits.norm"]),
    Mistake(yaml: "{name: mine, modelClass: M, tensors: {layer: blocks.}}", says: ["{layer}"]),
    Mistake(
      yaml: "{name: mine, modelClass: M, traits: {positions: learned}}",
      says: ["positionEmbedding"]),
    Mistake(
      yaml: "{name: mine, modelClass: M, traits: {gated: false}, tensors: {gateUp: up}}",
      says: ["tensors.up"]),
  ]

  @Test("Mistakes are named", arguments: mistakes)
  func mistakesAreNamed(_ mistake: Mistake) {
    let error = #expect(throws: (any Error).self) {
      try FamilyFile(yaml: mistake.yaml, name: "mine.yaml")
    }
    let text = "\(error.map { "\($0)" } ?? "")"
    for part in mistake.says { #expect(text.contains(part), "\(text)") }
  }

  @Test("A family of its own is read, and grown, by its description")
  func unknownFamily() throws {
    let golden = FamilyGolden(name: "gpt_neox")
    let folder = FileManager.default.temporaryDirectory.appending(path: "family-\(UUID())")
    try FileManager.default.copyItem(at: golden.url, to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config = folder.appending(path: "config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
      .replacing("\"gpt_neox\"", with: "\"mine\"")
    try FileManager.default.removeItem(at: config)
    try text.write(to: config, atomically: true, encoding: .utf8)
    let error = #expect(throws: ArchitecturesError.self) { try ModelDirectory(reading: folder) }
    #expect(error?.code == .unsupportedArchitecture)

    var family = DecoderFamily.gptNeoX
    family.name = "mine"
    let directory = try ModelDirectory(reading: folder, families: [family])
    let small = try SmallModel(
      directory.configuration.model, values: golden.values(), batch: golden.batch())
    let grown = try GrownModel(WidthGrowth(factor: 2), of: small)
    #expect(relativeError(grown.result.logits, try golden.logits()) < 1e-10)
    let state = try JSONEncoder().encode(grown.configuration)
    #expect(
      try JSONDecoder().decode(ModelConfiguration.self, from: state)
        == grown.configuration)
  }
}
