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
      #expect(bundle.beginTokens.isEmpty && bundle.promptPrefix.isEmpty)
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
      #expect(bundle.beginTokens == [1])
      let tokens = try #require(bundle.tokenizer).encode("Hi")
      #expect(try bundle.promptTokens("Hi") == [1] + tokens)
      #expect(try bundle.promptTokens("") == [1])

      // Mistral's file here has no template, but its vocabulary has a token that begins a text.
      let mistral = folder.appending(path: "mistral")
      try write(mistral, vocabulary: 900, tokenizer: publishedTokenizer("mistral").tokenizerJSON())
      let bare = try ModelBundle(reading: mistral)
      #expect(bare.promptPrefix.isEmpty)
      #expect(bare.beginTokens == [1])
      #expect(try bare.promptTokens("") == [1])
      #expect(try bare.promptTokens("Hi") == tokens)
    }
  }

  @Test("what does not go together is an error") func errors() throws {
    try withTemporaryFolder { folder in
      let missing = #expect(throws: TrainingError.self) { try ModelBundle(reading: folder) }
      #expect(missing?.code == .missingModel)
      let small = folder.appending(path: "small")
      try write(small, vocabulary: 100)
      let mismatch = #expect(throws: EvaluationError.self) { try ModelBundle(reading: small) }
      #expect(mismatch?.code == .vocabularyMismatch)
    }
  }
}
