// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Tensors
import Testing
import Training

@Suite("Which tensors of a directory are the model's") struct ModelTensorsTests {
  /// Quadratic's model, a GPT-2 with a tied head.
  private let model = Quadratic.model
  private let head = "lm_head.weight"
  private let embedding = "transformer.wte.weight"

  /// A directory with the model's tensors and others.
  private func write(
    _ url: URL, _ changes: [String: HostTensor?] = [:], configuration: String? = nil,
    shard: Int? = nil
  ) throws {
    let parameters = try model.program().parameters
    let values = try model.program().initialParameters(seed: 3)
    var tensors = Dictionary(uniqueKeysWithValues: zip(parameters.map(\.name), values))
    for (name, value) in changes { tensors[name] = value }
    let file = try configuration.map { Data($0.utf8) } ?? HuggingFaceConfiguration(model).encoded()
    let specs = tensors.map { TensorSpec($0.key, dtype: $0.value.dtype, shape: $0.value.shape) }
    try CheckpointDirectory.write(to: url) { writer in
      try writer.write(file, to: "config.json")
      try writer.writeTensors(
        "model", specs, metadata: ["format": "pt"], maximumShardByteCount: shard
      ) { try #require(tensors[$0.name]) }
    }
  }

  private func embeddingValue() throws -> HostTensor {
    try model.program().initialParameters(seed: 3)[0]
  }

  private func changed(_ tensor: HostTensor) throws -> HostTensor {
    var floats = tensor.floats
    floats[floats.count - 1] += 1
    return HostTensor(floats, shape: tensor.shape)
  }

  @Test("A head that should be the embedding and differs is kept, and said", arguments: [nil, 300])
  func ownHead(shard: Int?) throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      let own = try changed(embeddingValue())
      try write(url, [head: own], shard: shard)
      let directory = try ModelDirectory(reading: url)
      #expect(!directory.configuration.model.tiesHead)
      #expect(directory.notes.count == 1 && directory.notes[0].contains(head))
      let values = try directory.values()
      #expect(values.last?.floats == own.floats)
      #expect(values[0].floats == (try embeddingValue().floats))
      #expect(
        String(decoding: try directory.configuration.encoded(), as: UTF8.self)
          .contains("\"tie_word_embeddings\": false"))
      // The directory's own form stays what it was.
      try directory.save(to: folder.appending(path: "again"))
      let again = try ModelDirectory(reading: folder.appending(path: "again"))
      #expect(try again.values().map(\.floats) == values.map(\.floats))
    }
  }

  @Test("A copy of the embedding stays tied, also in another type or with other zeros' signs")
  func copies() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      let value = try embeddingValue()
      var zeros = value.floats
      zeros[3] = 0
      let positive = HostTensor(zeros, shape: value.shape)
      zeros[3] = -0.0
      let negative = HostTensor(zeros, shape: value.shape)
      let halves = try value.converted(to: .bfloat16)
      let rounded = try halves.view.convertedToFloat32()
      for (one, other) in [(value, value), (positive, negative), (rounded, halves)] {
        try? FileManager.default.removeItem(at: url)
        try write(url, [embedding: one, head: other])
        let directory = try ModelDirectory(reading: url)
        #expect(directory.configuration.model.tiesHead && directory.notes.isEmpty)
      }
    }
  }

  @Test("A head alone is the embedding; of another shape it is refused")
  func headAlone() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      try write(url, [embedding: nil, head: try embeddingValue()])
      let directory = try ModelDirectory(reading: url)
      #expect(directory.tensorNames[0] == head && directory.configuration.model.tiesHead)
      try FileManager.default.removeItem(at: url)
      try write(url, [head: HostTensor(zeros: [1, 2])])
      #expect(throws: ArchitecturesError.self) { try ModelDirectory(reading: url) }
    }
  }

  @Test("Without a head, an untied model says what would tie it")
  func noHead() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      var untied = model
      untied.tiesHead = false
      let text = String(
        decoding: try HuggingFaceConfiguration(untied).encoded(), as: UTF8.self)
      try write(url, configuration: text)
      let error = #expect(throws: ArchitecturesError.self) { try ModelDirectory(reading: url) }
      #expect(error?.message.contains("missing tensors: lm_head.weight") == true)
      #expect(error?.message.contains("\"tie_word_embeddings\": true") == true)
    }
  }

  @Test("Empty tensors and rotary tables are passed over; others by a pattern, by name")
  func strays() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      let scale = "transformer.h.0.attn.k_scale"
      try write(
        url,
        [
          "scaled_fp8": HostTensor(zeros: [0]), scale: HostTensor(zeros: [1]),
          "transformer.h.0.attn.rotary_emb.inv_freq": HostTensor(zeros: [2]),
        ])
      let error = #expect(throws: ArchitecturesError.self) { try ModelDirectory(reading: url) }
      #expect(error?.message.contains("unexpected tensors: \(scale)") == true)
      #expect(error?.message.contains("--ignore-tensors '\(scale)'") == true)
      #expect(error?.message.contains("scaled_fp8") == false)
      let directory = try ModelDirectory(reading: url, ignoring: ["*.k_scale"])
      #expect(directory.notes.count == 1)
      #expect(
        directory.notes[0].contains("2 tensors that are no part of the model: scaled_fp8, \(scale)")
      )
      // A pattern cannot take a parameter away.
      #expect(
        try ModelDirectory(reading: url, ignoring: ["*"]).values().count
          == model.program().parameters.count)
    }
  }

  @Test("Sizes that the file leaves out are named where they do not fit")
  func defaultedSizes() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      let text = String(decoding: try HuggingFaceConfiguration(model).encoded(), as: UTF8.self)
        .split(separator: "\n").filter { !$0.contains("\"n_layer\"") }.joined(separator: "\n")
      try write(url, configuration: text)
      let error = #expect(throws: ArchitecturesError.self) { try ModelDirectory(reading: url) }
      #expect(error?.message.contains("gpt2's own: n_layer 12") == true)
    }
  }

  @Test("A checkpoint says where a text ends, in both files, and keeps what else the source said")
  func generation() throws {
    try withTemporaryFolder { folder in
      let (one, two) = (folder.appending(path: "one"), folder.appending(path: "two"))
      try write(one)
      let settings = #"{"temperature": 0.70, "eos_token_id": [2, 3]}"#
      try Data(settings.utf8).write(to: one.appending(path: "generation_config.json"))
      let directory = try ModelDirectory(reading: one)
      #expect(directory.configuration.endOfTextTokens == [2, 3])
      var configuration = directory.configuration
      try ModelDirectory.write(
        to: two, configuration: configuration, values: directory.values(), tokenizer: nil)
      var files = try contents(of: two)
      #expect(files["generation_config.json"] == Data(settings.utf8))
      #expect(
        try HuggingFaceConfiguration(try #require(files["config.json"])).endOfTextTokens == [2, 3])

      configuration.endOfTextTokens = [1]
      try ModelDirectory.write(
        to: two, configuration: configuration, values: directory.values(), tokenizer: nil)
      files = try contents(of: two)
      #expect(
        String(decoding: try #require(files["generation_config.json"]), as: UTF8.self) == """
          {
            "temperature": 0.70,
            "eos_token_id": 1
          }

          """)
      try Data(#"{"eos_token_id": "2"}"#.utf8)
        .write(to: one.appending(path: "generation_config.json"))
      let error = #expect(throws: ArchitecturesError.self) { try ModelDirectory(reading: one) }
      #expect(error?.subject.hasSuffix("generation_config.json") == true)
      #expect(error?.message.contains("eos_token_id") == true)
    }
  }
}
