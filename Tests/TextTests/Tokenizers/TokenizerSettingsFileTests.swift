// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Testing
import Text

@Suite("tokenizer_config.json as it is written")
struct TokenizerSettingsFileTests {
  private func settings(
    _ tokenizer: Data, begin: Int? = nil, end: Int? = nil, padding: Int? = nil
  ) throws -> JSONValue {
    let data = try TokenizerSettingsFile.encoded(
      for: tokenizer, beginningOfText: begin, endOfText: end, padding: padding, contextLength: 64)
    return try JSONValue(parsing: [UInt8](data))
  }

  @Test("It names the tokens by their ids, and leaves out those that are not there")
  func tokens() throws {
    let bytes = try settings(ByteTokenizer().tokenizerJSON(), begin: 9999, end: 256)
    #expect(
      bytes == [
        "clean_up_tokenization_spaces": false, "eos_token": "<|endoftext|>",
        "model_max_length": 64, "tokenizer_class": "PreTrainedTokenizerFast",
      ])
    let llama = try settings(
      TokenizerGoldens.family("llama2").tokenizer.tokenizerJSON(), begin: 1, end: 2, padding: 3)
    #expect(llama["bos_token"] == "<s>" && llama["eos_token"] == "</s>")
    #expect(llama["unk_token"] == "<unk>" && llama["pad_token"] == "<0x00>")
  }

  @Test("Beside it a tokenizer.json is what it is by itself", arguments: TokenizerGoldens.families)
  func folder(name: String) throws {
    let tokenizer = try TokenizerGoldens.family(name).tokenizer
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("settings-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let json = tokenizer.tokenizerJSON()
    try json.write(to: folder.appendingPathComponent("tokenizer.json"))
    try TokenizerSettingsFile.encoded(
      for: json, beginningOfText: tokenizer.beginningOfText.map(Int.init),
      endOfText: tokenizer.endOfText.map(Int.init), contextLength: 64
    ).write(to: folder.appendingPathComponent(TokenizerSettingsFile.name))
    for type in ["gpt2", "llama", "qwen2", "qwen3", "gpt_neox", "mistral"] {
      try Data("{\"model_type\": \"\(type)\"}".utf8)
        .write(to: folder.appendingPathComponent("config.json"))
      let read = try #require(try TokenizerLoader.load(from: folder) as? BPETokenizer)
      #expect(read.fingerprint == tokenizer.fingerprint, "\(type)")
      #expect(read.endOfText == tokenizer.endOfText)
    }
  }

  @Test("The byte tokenizer stays one")
  func bytes() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("settings-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let json = ByteTokenizer().tokenizerJSON()
    try json.write(to: folder.appendingPathComponent("tokenizer.json"))
    try TokenizerSettingsFile.encoded(
      for: json, beginningOfText: nil, endOfText: 256, contextLength: 8
    ).write(to: folder.appendingPathComponent(TokenizerSettingsFile.name))
    #expect(try TokenizerLoader.load(from: folder) is ByteTokenizer)
  }

  @Test("Contents that are no tokenizer are an error")
  func wrong() {
    #expect(throws: TextError.self) { try settings(Data("{".utf8), end: 1) }
  }
}
