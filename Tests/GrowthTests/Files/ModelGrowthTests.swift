// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import GoldenModels
import Growth
import Tensors
import Testing
import Training

@Suite("Growing directories") struct ModelGrowthTests {
  /// A new directory's name for one test.
  private func place(_ name: String) -> URL {
    FileManager.default.temporaryDirectory
      .appending(path: "espalier-growth-\(UUID().uuidString)-\(name)", directoryHint: .isDirectory)
  }

  @Test("types, shards, small files and unknown keys are kept", arguments: GoldenModel.all)
  func kept(_ model: GoldenModel) throws {
    let (small, large) = (place("small"), place("large"))
    defer { [small, large].forEach { try? FileManager.default.removeItem(at: $0) } }
    let values = try model.parameters()
    let configuration = try HuggingFaceConfiguration(
      HuggingFaceConfiguration(model.configuration()).encoded(),
      generation: (Data("{\"a\": 1}".utf8), "generation_config.json"))
    try ModelDirectory.write(
      to: small, configuration: configuration, values: values,
      as: .bfloat16, tokenizer: Data("{}".utf8), maximumShardByteCount: 4000)
    for (name, text) in [
      ("merges.txt", "a b"), ("LICENSE", "free"),
      ("notes.bin", "x"), (".hidden.json", "x"), ("growth.json", "old"),
    ] {
      try Data(text.utf8).write(to: small.appending(path: name))
    }
    let source = try GrowthSource(reading: small)
    #expect(source.status == nil)
    let growth = try ModelGrowth(of: source, by: DepthGrowth(to: 4))
    try growth.write(to: large)
    try CheckpointDirectory.verify(large)
    let grown = try ModelDirectory(reading: large)
    #expect(grown.configuration.model == growth.target)
    #expect(grown.tensors.entries.allSatisfy { $0.dtype == .bfloat16 })
    #expect((grown.tensors as? ShardedTensors)?.index.files.count ?? 0 > 2)
    let names = Set(try FileManager.default.contentsOfDirectory(atPath: large.path))
    #expect(
      names.isSuperset(of: ["generation_config.json", "merges.txt", "LICENSE", "tokenizer.json"]))
    #expect(names.isDisjoint(with: ["notes.bin", ".hidden.json"]))
    let receipt = try GrowthReceipt(reading: large)
    let hash = try source.hash
    #expect(receipt.options.sourceHash == hash && hash.count == 64)
    let again = try receipt.plans.grown(
      values: source.directory.values(), seed: receipt.options.seed)
    for (one, other) in zip(again, try grown.values()) {
      let rounded = try one.converted(to: .bfloat16).converted(to: .float32)
      #expect(rounded.withUnsafeBytes { Data($0) } == other.withUnsafeBytes { Data($0) })
    }
  }

  @Test("another type and one file, on demand")
  func output() throws {
    let (small, large) = (place("small"), place("large"))
    defer { [small, large].forEach { try? FileManager.default.removeItem(at: $0) } }
    let model = GoldenModel.all[0]
    try ModelDirectory.write(
      to: small, configuration: HuggingFaceConfiguration(model.configuration()),
      values: model.parameters(), tokenizer: nil)
    let source = try GrowthSource(reading: small)
    let growth = try ModelGrowth(of: source, by: WidthGrowth(factor: 2))
    var stages: [ModelGrowth.Progress.Stage] = []
    try growth.write(
      to: large, ModelGrowth.Output(type: .float16, maximumShardByteCount: 10_000)
    ) { if stages.last != $0.stage { stages.append($0.stage) } }
    #expect(stages == [.growing, .checking, .completing])
    let grown = try ModelDirectory(reading: large)
    #expect(grown.configuration.weightType == .float16)
    #expect(grown.tensors is ShardedTensors)
    #expect(throws: GrowthError.self) { try growth.write(to: large) }
    try growth.write(to: large, ModelGrowth.Output(overwrites: true))
    #expect(try ModelDirectory(reading: large).tensors is SafetensorsFile)
    #expect(throws: GrowthError.self) {
      try growth.check(ModelGrowth.Output(type: .int8), target: place("other"))
    }
  }

  @Test("the hash follows the weights' bytes")
  func hash() throws {
    let (one, other) = (place("one"), place("other"))
    defer { [one, other].forEach { try? FileManager.default.removeItem(at: $0) } }
    let model = GoldenModel.all[0]
    try FileManager.default.createDirectory(at: one, withIntermediateDirectories: true)
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: model.url.appending(path: name), to: one.appending(path: name))
    }
    try FileManager.default.copyItem(at: one, to: other)
    let hash = try GrowthSource(reading: one).hash
    #expect(try GrowthSource(reading: other).hash == hash)
    let file = other.appending(path: "model.safetensors")
    var data = try Data(contentsOf: file)
    data[data.count - 1] ^= 1
    try data.write(to: file)
    #expect(try GrowthSource(reading: other).hash != hash)
  }

  @Test("what is no model is refused, and so is a training state that may be incomplete")
  func refused() throws {
    let directory = place("nothing")
    defer { try? FileManager.default.removeItem(at: directory) }
    #expect(throws: TrainingError.self) { try GrowthSource(reading: directory) }
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let error = #expect(throws: TrainingError.self) { try GrowthSource(reading: directory) }
    #expect(error?.code == .missingModel)
    let model = GoldenModel.all[0]
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(
        at: model.url.appending(path: name), to: directory.appending(path: name))
    }
    try Data("{}".utf8).write(to: directory.appending(path: "training_state.json"))
    #expect(throws: GrowthError.self) { try GrowthSource(reading: directory) }
    #expect(try GrowthSource(reading: directory, weightsOnly: true).status == nil)
    let weights = try GrowthSource(reading: directory, weightsOnly: true)
    #expect(throws: GrowthError.self) {
      try ModelGrowth(
        of: weights, by: WidthGrowth(factor: 2), options: GrowthOptions(moments: .reset))
    }
    #expect(throws: GrowthError.self) { try ModelGrowth(of: weights, by: GrowthSequence([])) }
  }
}
