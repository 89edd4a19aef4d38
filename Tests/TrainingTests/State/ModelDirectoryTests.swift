// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Testing
import Training

@Suite("ModelDirectory") struct ModelDirectoryTests {
  private func values(_ model: ModelConfiguration = Quadratic.model) throws -> [HostTensor] {
    try model.program().initialParameters(seed: 3)
  }

  private func rounded(_ values: [HostTensor], to type: DType) throws -> [[Float]] {
    try values.map { try $0.converted(to: type).view.convertedToFloat32().floats }
  }

  @Test(
    "single and sharded files of each type give the values back, and save to the same bytes",
    arguments: [DType.float32, .float16, .bfloat16], [nil, 300])
  func roundTrip(_ type: DType, _ shard: Int?) throws {
    try withTemporaryFolder { folder in
      let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
      let values = try values()
      try ModelDirectory.write(
        to: one, configuration: HuggingFaceConfiguration(Quadratic.model), values: values,
        as: type, tokenizer: Data("{ }".utf8), maximumShardByteCount: shard)
      let names = try contents(of: one).keys.filter { $0.hasSuffix(".safetensors") }
      #expect(shard == nil ? names == ["model.safetensors"] : names.count > 1)

      let model = try ModelDirectory(reading: one)
      #expect(model.configuration.model == Quadratic.model)
      #expect(model.configuration.weightType == type)
      #expect(try model.values().map(\.floats) == rounded(values, to: type))
      try model.save(to: two)
      var expected = try contents(of: one)
      expected["manifest.json"] = nil
      #expect(try contents(of: two) == expected)
      // The same values, given explicitly, change nothing either.
      try model.save(to: two, values: model.values())
      #expect(try contents(of: two) == expected)
    }
  }

  @Test("a changed value is rounded to its tensor's type and touches only its shard")
  func change() throws {
    try withTemporaryFolder { folder in
      let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
      try ModelDirectory.write(
        to: one, configuration: HuggingFaceConfiguration(Quadratic.model), values: values(),
        as: .bfloat16, tokenizer: nil, maximumShardByteCount: 300)
      let model = try ModelDirectory(reading: one)
      var changed = try model.values()
      let last = changed.count - 1
      changed[last] = HostTensor([0.1, 1, 2, 3], shape: [4])
      try model.save(to: two, values: changed)
      let again = try ModelDirectory(reading: two).values()
      #expect(again[last].floats == (try rounded([changed[last]], to: .bfloat16))[0])
      #expect(again.dropLast().map(\.floats) == changed.dropLast().map(\.floats))
      let (before, after) = (try contents(of: one), try contents(of: two))
      let differing = after.filter { before[$0.key] != $0.value }.map(\.key)
      #expect(differing.count == 1 && differing[0].hasSuffix(".safetensors"))
    }
  }

  @Test("a published file's short names, buffers and copy of the head are kept and followed")
  func publishedForm() throws {
    try withTemporaryFolder { folder in
      let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
      let program = try Quadratic.model.program()
      let values = try values()
      var tensors: [String: HostTensor] = ["lm_head.weight": values[0]]
      for (spec, value) in zip(program.parameters, values) {
        tensors[try #require(spec.aliases.first)] = value
      }
      tensors["h.0.attn.bias"] = HostTensor(zeros: [1, 1, 16, 16], dtype: .uint8)
      try FileManager.default.createDirectory(at: one, withIntermediateDirectories: true)
      try HuggingFaceConfiguration(Quadratic.model).encoded()
        .write(to: one.appending(path: "config.json"))
      _ = try SafetensorsWriter.write(
        one.appending(path: "model.safetensors"),
        tensors: tensors.map { TensorSpec($0.key, dtype: $0.value.dtype, shape: $0.value.shape) },
        metadata: ["remark": "published"]
      ) { try #require(tensors[$0.name]) }

      let model = try ModelDirectory(reading: one)
      #expect(model.tensorNames.first == "wte.weight")
      #expect(try model.values().map(\.floats) == values.map(\.floats))
      try model.save(to: two)
      #expect(try contents(of: two) == contents(of: one))

      var changed = values
      changed[0] = HostTensor(zeros: values[0].shape)
      try model.save(to: two, values: changed)
      let again = try SafetensorsFile(two.appending(path: "model.safetensors"))
      #expect(try again.float32(named: "lm_head.weight").floats.allSatisfy { $0 == 0 })
      #expect(try again.float32(named: "wte.weight").floats.allSatisfy { $0 == 0 })
      #expect(again.metadata == ["remark": "published"])
      #expect(again.entry(named: "h.0.attn.bias")?.dtype == .uint8)
    }
  }

  @Test("the shared model loads, and saves to the same bytes", .enabled(if: storiesModel != nil))
  func stories() throws {
    let source = try #require(storiesModel)
    try withTemporaryFolder { folder in
      let model = try ModelDirectory(reading: source)
      #expect(model.configuration.model.family == .llama)
      #expect(model.configuration.model.keyValueHeadCount == 4)
      let values = try model.values()
      #expect(values.map(\.shape) == model.program.parameters.map(\.shape))
      #expect(values.allSatisfy { $0.floats.allSatisfy(\.isFinite) })
      let target = folder.appending(path: "saved")
      try model.save(to: target, values: values)
      let (before, after) = (try contents(of: source), try contents(of: target))
      #expect(after["model.safetensors"] == before["model.safetensors"])
      #expect(after["config.json"] == before["config.json"])
    }
  }

  @Test("what is no model is refused by name") func refused() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: TrainingError.self) { try ModelDirectory(reading: folder) }
      #expect(error?.code == .unreadableFile)
      #expect(error?.subject.hasSuffix("config.json") ?? false)
      let target = folder.appending(path: "x")
      var values = try values()
      values[1] = values[0]
      let mismatch = #expect(throws: TrainingError.self) {
        try ModelDirectory.write(
          to: target, configuration: HuggingFaceConfiguration(Quadratic.model), values: values,
          tokenizer: nil)
      }
      #expect(mismatch?.subject == "transformer.wpe.weight")
      #expect(!FileManager.default.fileExists(atPath: target.path))
    }
  }
}
