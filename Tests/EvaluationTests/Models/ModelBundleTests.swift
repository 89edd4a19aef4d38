// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Checkpoints
import Evaluation
import Foundation
import Tensors
import Testing
import Text
import Training

@Suite("Model bundles") struct ModelBundleTests {
  private let configuration = ModelConfiguration(
    architecture: .gpt2, layerCount: 1, hiddenSize: 8, headCount: 2, intermediateSize: 16,
    vocabularySize: 257, contextLength: 12, tiesHead: true)

  private func write(
    _ url: URL, vocabulary: Int = 257, tokenizer: Data? = ByteTokenizer().tokenizerJSON()
  ) throws {
    var configuration = configuration
    configuration.vocabularySize = vocabulary
    try ModelDirectory.write(
      to: url,
      configuration: HuggingFaceConfiguration(configuration, endOfTextTokens: [256, 3]),
      values: configuration.program().initialParameters(seed: 2), tokenizer: tokenizer)
  }

  @Test("a directory gives model, tokenizer and the tokens that end a text") func directory() throws
  {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      try write(url)
      let bundle = try ModelBundle(reading: url)
      #expect(bundle.tokenizer?.vocabularySize == 257)
      #expect(bundle.endTokens == [256, 3])
      #expect(bundle.promptPrefix.isEmpty && bundle.promptSuffix.isEmpty)
      #expect(bundle.contextLength == 12 && bundle.positionLimit == 12)
      #expect(try bundle.promptTokens("Hi") == [72, 105])
      #expect(try bundle.promptTokens("") == [256])
      #expect(try bundle.promptTokens("<|endoftext|>i") == [256, 105])
      let model = try bundle.makeLanguageModel(CPUTrainingEngine(threads: 1))
      #expect(try model.makeDecoder(capacity: 4).append([72, 105]).count == 257)
    }
  }

  @Test("generation_config.json alone says where a text ends, and else config.json does")
  func endTokens() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      try write(url)
      let settings = url.appending(path: "generation_config.json")
      // The checkpoint has a manifest, which a changed file would contradict.
      try FileManager.default.removeItem(at: url.appending(path: "manifest.json"))
      for (text, expected) in [
        (#"{"eos_token_id": [2, 255]}"#, [2, 255]), (#"{"eos_token_id": 9}"#, [9]),
        (#"{"eos_token_id": null}"#, []), ("{}", []),
      ] as [(String, Set<Int32>)] {
        try Data(text.utf8).write(to: settings)
        #expect(try ModelBundle(reading: url).endTokens == expected, "\(text)")
      }
      try FileManager.default.removeItem(at: settings)
      #expect(try ModelBundle(reading: url).endTokens == [256, 3])
      // Where no file speaks of ends, the tokenizer's is one.
      let file = url.appending(path: "config.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      let lines = text.split(separator: "\n")
      let start = try #require(lines.firstIndex { $0.contains("eos_token_id") })
      let silent = lines[..<start] + lines[(start + 4)...]
      try Data(silent.joined(separator: "\n").utf8).write(to: file)
      #expect(try ModelBundle(reading: url).endTokens == [256])
    }
  }

  @Test("a run gives its newest whole checkpoint") func run() throws {
    try withTemporaryFolder { folder in
      let store = folder.appending(path: "checkpoints")
      try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
      for step in [5, 10] { try write(CheckpointStore(store).url(step: step)) }
      #expect(
        try ModelBundle(reading: folder).directory.url.lastPathComponent == "step-00000010")
      let newest = store.appending(path: "step-00000010/model.safetensors")
      var bytes = try Data(contentsOf: newest)
      bytes[bytes.count - 1] ^= 1
      try bytes.write(to: newest)
      #expect(
        try ModelBundle(reading: folder).directory.url.lastPathComponent == "step-00000005")
      let error = #expect(throws: CheckpointsError.self) {
        try ModelBundle(reading: store.appending(path: "step-00000010"))
      }
      #expect(error?.code == .damagedCheckpoint)
    }
  }

  @Test("a tokenizer can be missing, or come from elsewhere") func tokenizers() throws {
    try withTemporaryFolder { folder in
      let bare = folder.appending(path: "bare")
      try write(bare, tokenizer: nil)
      let bundle = try ModelBundle(reading: bare)
      #expect(bundle.tokenizer == nil)
      let error = #expect(throws: EvaluationError.self) { try bundle.promptTokens("Hi") }
      #expect(error?.code == .missingTokenizer)
      let file = folder.appending(path: "tokenizer.json")
      try ByteTokenizer().tokenizerJSON().write(to: file)
      #expect(try ModelBundle(reading: bare, tokenizer: file).tokenizer?.vocabularySize == 257)
    }
  }

  @Test("a prompt gets what its tokenizer's file puts before a text") func prefix() throws {
    try withTemporaryFolder { folder in
      let llama2 = folder.appending(path: "llama2")
      try write(llama2, vocabulary: 900, tokenizer: publishedTokenizer("llama2").tokenizerJSON())
      let bundle = try ModelBundle(reading: llama2)
      #expect(bundle.promptPrefix == [1])
      let tokens = try #require(bundle.tokenizer).encode("Hi")
      #expect(try bundle.promptTokens("Hi") == [1] + tokens)
      #expect(try bundle.promptTokens("") == [1])

      // Mistral's file here has no template, but its vocabulary has a token that begins a text.
      let mistral = folder.appending(path: "mistral")
      try write(mistral, vocabulary: 900, tokenizer: publishedTokenizer("mistral").tokenizerJSON())
      let bare = try ModelBundle(reading: mistral)
      #expect(bare.promptPrefix.isEmpty)
      #expect(try bare.promptTokens("") == [1])
      #expect(try bare.promptTokens("Hi") == tokens)
    }
  }

  @Test("what does not go together is an error") func errors() throws {
    try withTemporaryFolder { folder in
      let missing = #expect(throws: TrainingError.self) { try ModelBundle(reading: folder) }
      #expect(missing?.code == .missingModel)
    }
  }

  @Test("tokens that the model has no embedding for are refused where they occur") func unknown()
    throws
  {
    try withTemporaryFolder { folder in
      let small = folder.appending(path: "small")
      try write(small, vocabulary: 100)
      let bundle = try ModelBundle(reading: small)
      #expect(try bundle.promptTokens("HB") == [72, 66])
      let error = #expect(throws: EvaluationError.self) { try bundle.promptTokens("Hi") }
      #expect(error?.code == .vocabularyMismatch && error?.subject == "prompt")
      #expect(error?.message.contains("token 105") == true)
      let row = try bundle.checked(InMemoryTokens([1, 2, 99, 256], vocabularySize: 257))
      #expect(row.vocabularySize == 100)
      var buffer = [Int32](repeating: 0, count: 3)
      try buffer.withUnsafeMutableBufferPointer { try row.read(at: 0, into: $0) }
      #expect(buffer == [1, 2, 99])
      let late = #expect(throws: EvaluationError.self) {
        try buffer.withUnsafeMutableBufferPointer { try row.read(at: 1, into: $0) }
      }
      #expect(late?.message.contains("token 256") == true)
    }
  }

  @Test("a prompt gets what the folder's files put around it") func around() throws {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "model")
      try write(url, vocabulary: 900, tokenizer: publishedTokenizer("gpt2").tokenizerJSON())
      let plain = try #require(try ModelBundle(reading: url).tokenizer)
      for name in ["tokenizer.json", Manifest.fileName] {
        try FileManager.default.removeItem(at: url.appending(path: name))
      }
      let json = try #require(
        try JSONSerialization.jsonObject(with: plain.tokenizerJSON()) as? [String: Any])
      let model = try #require(json["model"] as? [String: Any])
      try JSONSerialization.data(withJSONObject: model["vocab"] ?? [:])
        .write(to: url.appending(path: "vocab.json"))
      let merges = try #require(model["merges"] as? [String])
      try Data(merges.joined(separator: "\n").utf8).write(to: url.appending(path: "merges.txt"))
      try Data(
        #"{"tokenizer_class": "GPT2Tokenizer", "add_bos_token": true, "add_eos_token": true}"#.utf8
      ).write(to: url.appending(path: "tokenizer_config.json"))
      let bundle = try ModelBundle(reading: url)
      let end = try #require(bundle.tokenizer?.endOfText)
      #expect(bundle.promptPrefix == [end] && bundle.promptSuffix == [end])
      #expect(try bundle.promptTokens("Hi") == [end] + plain.encode("Hi") + [end])
    }
  }
}
