// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import GoldenModels
import Tensors
import Testing

/// Files as other programs write them, through every command that reads a model.
@Suite("Models of others")
struct ForeignModelTests {
  private let place: CommandWorkplace
  private let head = "lm_head.weight"

  init() throws { place = try CommandWorkplace() }

  /// A tied golden Llama with further tensors and files, as `model`.
  private func write(_ added: [String: HostTensor], files: [String: String] = [:]) throws {
    let golden = FamilyGolden(name: "llama")
    let tensors = try golden.directory().tensors
    let url = place.url.appending(path: "model")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      at: golden.url.appending(path: "config.json"), to: url.appending(path: "config.json"))
    for (name, text) in files { try Data(text.utf8).write(to: url.appending(path: name)) }
    let specs =
      tensors.entries.map { TensorSpec(copying: $0, as: $0.name) }
      + added.map { TensorSpec($0.key, dtype: $0.value.dtype, shape: $0.value.shape) }
    _ = try SafetensorsWriter.write(
      url.appending(path: "model.safetensors"), tensors: specs, metadata: ["format": "pt"]
    ) { entry in
      if let tensor = added[entry.name] { return tensor }
      return HostTensor(copying: try tensors.tensor(named: entry.name))
    }
  }

  private func run(
    _ arguments: String..., status: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> BuiltCommand.Result {
    let result = try BuiltCommand.run(arguments, in: place.url)
    #expect(
      result.status == status, "\(arguments) \(result.errors)", sourceLocation: sourceLocation)
    return result
  }

  @Test("A head of its own is kept by every command, which says so") func ownHead() throws {
    try write([head: HostTensor((0..<80 * 24).map { Float($0 % 13) / 20 }, shape: [80, 24])])
    let inspected = try run("inspect", "model").output
    #expect(inspected.contains("note") && inspected.contains("\(head) is there and differs"))
    let generated = try run(
      "generate", "model", "--tokens", "3", "4", "--greedy", "--length", "3", "--json")
    #expect(generated.errors.contains("Note: ") && generated.errors.contains(head))
    #expect(
      try run("grow", "model", "-o", "grown", "--depth", "2", "--quiet").errors.contains(head))
    let verified = try run(
      "verify", "model", "grown", "--quiet", "--tokens", "32", "--sequences", "16")
    #expect(verified.errors.contains(head))
    let grown = try ModelDirectory(reading: place.url.appending(path: "grown"))
    #expect(!grown.configuration.model.tiesHead && grown.notes.isEmpty)
    let small = try ModelDirectory(reading: place.url.appending(path: "model"))
    #expect(try grown.values().last?.floats == small.values().last?.floats)
  }

  @Test("Stray tensors are refused with a pattern that passes them over, by name")
  func strays() throws {
    let scale = "model.layers.0.self_attn.k_scale"
    try write([scale: HostTensor(zeros: [1]), "scaled_fp8": HostTensor(zeros: [0])])
    let grow = ["grow", "model", "-o", "grown", "--depth", "2", "--quiet"]
    let refused = try BuiltCommand.run(grow, in: place.url)
    #expect(refused.status == 1)
    #expect(refused.errors.contains("--ignore-tensors '\(scale)'"))
    let pattern = ["--ignore-tensors", "*.k_scale"]
    for arguments in [
      grow, ["inspect", "model"], ["verify", "model", "grown", "--quiet", "--tokens", "8"],
      ["generate", "model", "--tokens", "3", "--length", "1"],
    ] {
      let result = try BuiltCommand.run(arguments + pattern, in: place.url)
      #expect(result.status == 0, "\(arguments) \(result.errors)")
      #expect((result.output + result.errors).contains(scale), "\(arguments)")
    }
  }

  @Test("Generation stops at each token that generation_config.json lists, also of a grown model")
  func endTokens() throws {
    try write([:])
    struct Report: Decodable {
      struct Generation: Decodable { var tokens: [Int32] }
      var generations: [Generation]
    }
    func tokens(_ model: String) throws -> [Int32] {
      let text = try run(
        "generate", model, "--tokens", "3", "4", "--greedy", "--length", "20", "--json"
      ).output
      return try JSONDecoder().decode(Report.self, from: Data(text.utf8)).generations[0].tokens
    }
    let free = try tokens("model")
    let end = try #require(free.dropFirst(4).first)
    try Data(#"{"eos_token_id": [79, \#(end)], "temperature": 0.5}"#.utf8)
      .write(to: place.url.appending(path: "model/generation_config.json"))
    let stopped = try tokens("model")
    #expect(stopped.count < free.count)
    _ = try run("grow", "model", "-o", "grown", "--depth", "2", "--quiet")
    #expect(try tokens("grown") == stopped)
    let files = try ["model", "grown"].map {
      try Data(contentsOf: place.url.appending(path: "\($0)/generation_config.json"))
    }
    #expect(files[0] == files[1])
  }
}
