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
    let again = try receipt.path.grown(values: source.directory.values())
    for (one, other) in zip(again, try grown.values()) {
      let rounded = try one.converted(to: .bfloat16).converted(to: .float32)
      #expect(rounded.withUnsafeBytes { Data($0) } == other.withUnsafeBytes { Data($0) })
    }
  }

  @Test(
    "tokenizer_config.json names the grown context where it named the old one",
    arguments: [
      (nil, #""model_max_length": 64"#),
      (#"{"model_max_length": 32, "eos_token": "<x>"}"#, #""<x>""#),
      (#"{"model_max_length": 32}"#, #""model_max_length": 64"#),
      (#"{"model_max_length": 7, "a": NaN}"#, #"{"model_max_length": 7, "a": NaN}"#),
      ("no JSON", "no JSON"),
    ] as [(String?, String)])
  func tokenizerSettings(settings: String?, expected: String) throws {
    let (small, large) = (place("small"), place("large"))
    defer { [small, large].forEach { try? FileManager.default.removeItem(at: $0) } }
    let model = GoldenModel.all[0]
    var configuration = try model.configuration()
    configuration.contextLength = 32
    try ModelDirectory.write(
      to: small, configuration: HuggingFaceConfiguration(configuration),
      values: configuration.program().initialParameters(seed: 1), tokenizer: nil)
    try FileManager.default.removeItem(at: small.appending(path: Manifest.fileName))
    try Data(#"{"model": {"vocab": {"a": 0}}}"#.utf8)
      .write(to: small.appending(path: "tokenizer.json"))
    if let settings {
      try Data(settings.utf8).write(to: small.appending(path: "tokenizer_config.json"))
    }
    try ModelGrowth(of: GrowthSource(reading: small), by: ContextGrowth(to: 64)).write(to: large)
    let text = try String(
      contentsOf: large.appending(path: "tokenizer_config.json"), encoding: .utf8)
    #expect(text.contains(expected))
    #expect(try ModelDirectory(reading: large).configuration.model.contextLength == 64)
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

  @Test("what no disk holds is refused before anything is made of it")
  func vast() throws {
    let target = place("vast")
    let source = try GrowthSource(reading: FamilyGolden(name: "llama").url)
    let growth = try ModelGrowth(of: source, by: WidthGrowth(factor: 1 << 16))
    for body in [{ try growth.check(.init(), target: target) }, { try growth.write(to: target) }] {
      let time = ContinuousClock().measure {
        let error = #expect(throws: CheckpointsError.self) { try body() }
        #expect(error?.code == .outOfSpace)
        #expect(error?.message.contains("TB, and its disk has") == true, "\(error?.message ?? "")")
      }
      #expect(time < .seconds(20))
    }
    #expect(ModelGrowth.unfinished(of: target) == nil)
  }

  @Test("a directory that holds more than its manifest names is not replaced")
  func keepsOtherFiles() throws {
    let (small, large) = (place("small"), place("large"))
    defer { [small, large].forEach { try? FileManager.default.removeItem(at: $0) } }
    let model = GoldenModel.all[0]
    try ModelDirectory.write(
      to: small, configuration: HuggingFaceConfiguration(model.configuration()),
      values: model.parameters(), tokenizer: nil)
    let growth = try ModelGrowth(
      of: try GrowthSource(reading: small), by: WidthGrowth(factor: 2))
    let output = ModelGrowth.Output(overwrites: true)
    try growth.write(to: large, output)
    func refusal() -> GrowthError? {
      do {
        try growth.write(to: large, output)
        return nil
      } catch { return error as? GrowthError }
    }
    for name in ["notes.md", "runs/one/log.txt"] {
      let file = large.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("mine".utf8).write(to: file)
      let top = String(name.split(separator: "/")[0])
      let error = refusal()
      #expect(error?.code == .unwritableTarget && error?.message.contains("“\(top)”") == true)
      #expect(try Data(contentsOf: file) == Data("mine".utf8))
      try FileManager.default.removeItem(at: large.appending(path: top))
    }
    try growth.write(to: large, output)
    try FileManager.default.removeItem(at: large.appending(path: Manifest.fileName))
    #expect(refusal()?.message.contains("no intact manifest.json") == true)
    #expect(throws: Never.self) { try ModelDirectory(reading: large) }
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

  @Test("shares of what has just begun with zeros part no copies")
  func growthOfAGrowth() throws {
    let folder = TestFolder()
    let source = try GrowthSource(reading: FamilyGolden(name: "llama").url)
    let deep = DepthGrowth(factor: 2)
    let wide = FeedForwardGrowth(to: 3 * source.model.intermediateSize)
    let pairs: [(any GrowthOperator, any GrowthOperator)] = [(deep, wide), (wide, deep)]
    for (first, second) in pairs {
      let grown = try ModelGrowth(of: source, by: GrowthSequence([first]))
      #expect(grown.guarantees.contains(.symmetry))
      try grown.write(to: folder["grown"], ModelGrowth.Output(overwrites: true))
      let fresh = try GrowthSource(reading: folder["grown"])
      let again = try ModelGrowth(of: fresh, by: GrowthSequence([second]))
      #expect(again.guarantees == [.loss, .moments, .liveness])
      #expect(try ModelGrowth(of: fresh, by: WidthGrowth(factor: 2)).guarantees.contains(.symmetry))
    }
  }

  @Test("the bits do not depend on the threads")
  func threads() throws {
    let folder = TestFolder()
    let source = try GrowthSource(reading: FamilyGolden(name: "llama").url)
    let growth = try ModelGrowth(
      of: source, by: WidthGrowth(factor: 2).then(VocabularyGrowth(to: 200)))
    let digests = try [nil, 1, 3].map { threads -> [String: FileDigest] in
      let target = folder["threads \(threads ?? 0)"]
      let output = ModelGrowth.Output(threadCount: threads)
      #expect(try growth.memoryByteCount(output) > 0)
      try growth.write(to: target, output)
      return try Manifest(reading: target).files
    }
    #expect(digests[1] == digests[0] && digests[2] == digests[0])
    for threads in [0, -1, 1025, Int.max] {
      #expect(throws: GrowthError.self) {
        try growth.write(to: folder["none"], ModelGrowth.Output(threadCount: threads))
      }
    }
  }
}
