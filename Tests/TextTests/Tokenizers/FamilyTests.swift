// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite("Tokenizers give the reference's ids")
struct FamilyTests {
  @Test("Ids of every text", arguments: TokenizerGoldens.families)
  func ids(family: String) throws {
    let (tokenizer, golden) = try TokenizerGoldens.family(family)
    let texts = try TokenizerGoldens.texts()
    #expect(golden.special.count == texts.count)
    for (index, text) in texts.enumerated() {
      let shown = String(decoding: text.prefix(120), as: UTF8.self)
      let special = tokenizer.encode(bytes: text, allowsSpecialTokens: true)
      #expect(special == golden.special[index], "text \(index): \(shown.debugDescription)")
      let plain = tokenizer.encode(bytes: text)
      let expected = golden.plain["\(index)"] ?? golden.special[index]
      #expect(plain == expected, "without special tokens, \(index): \(shown.debugDescription)")
    }
  }

  @Test("The same text again, from the cache", arguments: TokenizerGoldens.families)
  func cached(family: String) throws {
    let (tokenizer, golden) = try TokenizerGoldens.family(family)
    let texts = try TokenizerGoldens.texts()
    for _ in 0..<2 {
      let ids = tokenizer.encode(documents: texts, allowsSpecialTokens: true, threadCount: 3)
      #expect(ids == golden.special)
    }
  }

  @Test(
    "Words of 10⁵ characters",
    arguments: ["gpt2", "llama3", "qwen2", "llama2", "mistral", "unknown-fused"])
  func longWords(family: String) throws {
    let (tokenizer, golden) = try TokenizerGoldens.family(family)
    for (name, word) in TokenizerGoldens.longWords() {
      let ids = tokenizer.encode(bytes: word)
      #expect(TokenizerGoldens.digest(ids) == golden.long[name], "word \(name)")
      #expect(tokenizer.decode(ids).count >= word.count || family.hasPrefix("unknown"))
    }
  }

  @Test("Decoded text", arguments: TokenizerGoldens.families)
  func decoded(family: String) throws {
    let (tokenizer, golden) = try TokenizerGoldens.family(family)
    // The reference spells each byte of a broken run U+FFFD, String each maximal subpart; and it
    // takes letters of added tokens for bytes.
    for (index, text) in try TokenizerGoldens.texts().enumerated() {
      let found = tokenizer.decodeText(golden.special[index])
      let expected =
        golden.decoded["\(index)"] ?? String(decoding: text, as: UTF8.self)
      let isBroken = (found + expected).unicodeScalars.contains("\u{FFFD}")
      #expect(
        Array(found.utf8) == Array(expected.utf8) || isBroken,
        "text \(index): \(found.debugDescription) for \(expected.debugDescription)")
    }
  }

  @Test("Sizes, templates and round trips of the file", arguments: TokenizerGoldens.families)
  func file(family: String) throws {
    let (tokenizer, golden) = try TokenizerGoldens.family(family)
    #expect(tokenizer.vocabularySize == golden.vocabularySize)
    #expect(tokenizer.template.prefix + tokenizer.template.suffix == golden.template)
    let json = tokenizer.tokenizerJSON()
    let again = try TokenizerLoader.tokenizer(json: json, subject: "written again")
    #expect(try again.tokenizerJSON() == json)
    #expect(again.fingerprint == tokenizer.fingerprint)
    #expect(again.fingerprint.count == 64)
    for (index, text) in try TokenizerGoldens.texts().enumerated() {
      let ids = again.encode(bytes: text, allowsSpecialTokens: true)
      #expect(ids == golden.special[index], "text \(index)")
    }
  }

  @Test("Names of the tokens that begin and end a text")
  func ends() throws {
    let gpt2 = try TokenizerGoldens.family("gpt2").tokenizer
    #expect(gpt2.endOfText == gpt2.id(ofToken: "<|endoftext|>"))
    #expect(gpt2.beginningOfText == nil)
    let llama3 = try TokenizerGoldens.family("llama3").tokenizer
    #expect(llama3.endOfText == llama3.id(ofToken: "<|end_of_text|>"))
    #expect(llama3.beginningOfText == llama3.id(ofToken: "<|begin_of_text|>"))
    let llama2 = try TokenizerGoldens.family("llama2").tokenizer
    #expect(llama2.endOfText == 2)
    #expect(llama2.beginningOfText == 1)
    #expect(llama2.token(ofID: 1) == "<s>")
    #expect(llama2.token(ofID: 1_000_000) == nil)
    #expect(llama2.token(ofID: -1) == nil)
  }

  @Test("Ids outside the vocabulary stand for nothing")
  func strangeIDs() throws {
    let tokenizer = try TokenizerGoldens.family("gpt2").tokenizer
    #expect(tokenizer.decode([-1, .max, .min, Int32(tokenizer.vocabularySize)]) == [])
  }

  @Test("vocab.json with merges.txt")
  func twoFiles() throws {
    let texts = try TokenizerGoldens.texts()
    let golden = try TokenizerGoldens.decode("gpt2-files.ids.json", as: [[Int32]].self)
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["vocab.json", "merges.txt"] {
      try FileManager.default.copyItem(
        at: TokenizerGoldens.url(name), to: folder.appendingPathComponent(name))
    }
    let tokenizer = try TokenizerLoader.load(from: folder)
    #expect(tokenizer.encode(documents: texts) == golden)
    let json = try tokenizer.tokenizerJSON()
    try json.write(to: folder.appendingPathComponent("tokenizer.json"))
    #expect(try TokenizerLoader.load(from: folder).fingerprint == tokenizer.fingerprint)
  }
}
