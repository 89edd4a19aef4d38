// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite("Files that are damaged, strange or not supported")
struct TokenizerFileTests {
  private static let small = #"""
    {"added_tokens": [], "normalizer": null, "pre_tokenizer": null, "post_processor": null,
     "decoder": null,
     "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
    """#

  private func error(_ json: String) -> TextError? {
    do {
      _ = try TokenizerLoader.tokenizer(json: Data(json.utf8), subject: "some.json")
      return nil
    } catch { return error as? TextError }
  }

  private func error(replacing part: String, with other: String) -> TextError? {
    #expect(Self.small.contains(part))
    return error(Self.small.replacingOccurrences(of: part, with: other))
  }

  @Test("The small file itself is sound")
  func sound() throws {
    #expect(error(Self.small) == nil)
    let tokenizer = try TokenizerLoader.tokenizer(json: Data(Self.small.utf8), subject: "small")
    #expect(tokenizer.encode("abaab") == [2, 0, 2])
    #expect(tokenizer.endOfText == nil)
    #expect(tokenizer.vocabularySize == 3)
  }

  @Test("A vocabulary without tokens encodes to nothing")
  func empty() throws {
    let json = Data(#"{"model": {"type": "BPE", "vocab": {}, "merges": []}}"#.utf8)
    let tokenizer = try TokenizerLoader.tokenizer(json: json, subject: "empty")
    #expect(tokenizer.vocabularySize == 0)
    #expect(tokenizer.encode("abc").isEmpty)
    #expect(tokenizer.decode([0, 1]).isEmpty)
  }

  @Test("Every truncation of a file is an error")
  func truncated() {
    let bytes = Array(Self.small.utf8)
    let end = bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0
    for count in 0..<end {
      let error = error(String(decoding: bytes[..<count], as: UTF8.self))
      #expect(error?.code == .invalidTokenizer, "\(count) bytes")
      #expect(error?.subject == "some.json")
    }
  }

  @Test(
    "Contradictions are errors that name what is wrong",
    arguments: [
      (#""b": 1"#, #""b": 0"#, "share id 0"),
      (#""b": 1"#, #""b": -1"#, "id -1"),
      (#""b": 1"#, #""b": 1000000"#, "id 1000000"),
      (#""b": 1"#, #""b": 4294967297"#, "4294967297"),
      (#""b": 1"#, #""b": 99999999999999999999"#, "1e+20"),
      (#""b": 1"#, #""b": "1""#, "vocab['b']"),
      (#""b": 1"#, #""b": 1.5"#, "1.5"),
      (#""b": 1"#, #""b": 1, "b": 3"#, "stands twice"),
      (#""a b""#, #""a c""#, "'c'"),
      (#""a b""#, #""b a""#, "'ba'"),
      (#""a b""#, #""ab""#, "merge 0 is 'ab'"),
      (#""a b""#, #""a b b""#, "merge 0 is 'a b b'"),
      (#""a b""#, #"["a"]"#, "merge 0"),
      (#""a b""#, #"7"#, "merge 0 is 7"),
      (#"["a b"]"#, #"{}"#, "model.merges"),
      (#""merges": ["a b"]"#, #""merge": []"#, "model.merges is null"),
      (#"{"a": 0, "b": 1, "ab": 2}"#, #"[]"#, "model.vocab"),
      (
        #""added_tokens": []"#, #""added_tokens": [{"id": 4294967296, "content": "x"}]"#,
        "4294967296"
      ),
      (#""added_tokens": []"#, #""added_tokens": [{"id": -1, "content": "x"}]"#, "('x') id is -1"),
      (#""added_tokens": []"#, #""added_tokens": [{"id": "3", "content": "x"}]"#, "('x') id"),
      (#""added_tokens": []"#, #""added_tokens": [{"content": "x"}]"#, "added_tokens[0] ('x') id"),
      (#""added_tokens": []"#, #""added_tokens": [{"id": 3}]"#, "added_tokens[0].content"),
      (#""added_tokens": []"#, #""added_tokens": ["x"]"#, "added_tokens[0].content"),
      (#""added_tokens": []"#, #""added_tokens": 3"#, "added_tokens is 3"),
      (#""type": "BPE""#, #""type": "BPE", "unk_token": "?""#, "unk_token"),
      (#""type": "BPE""#, #""type": "BPE", "fuse_unk": 1"#, "fuse_unk"),
      (
        #""post_processor": null"#, #""post_processor": {"type": "BertProcessing"}"#,
        "post_processor.cls is null"
      ),
      (
        #""post_processor": null"#,
        #""post_processor": {"type": "RobertaProcessing", "cls": ["a", 0], "sep": ["b"]}"#,
        "post_processor.sep"
      ),
      (#""decoder": null"#, #""decoder": nul"#, "not JSON"),
      (#""decoder": null"#, #""decoder": "\ud800""#, "surrogate"),
      (#""decoder": null"#, #""decoder": "\q""#, "escape"),
    ])
  func contradiction(part: String, other: String, words: String) {
    let error = error(replacing: part, with: other)
    #expect(error?.code == .invalidTokenizer, "\(String(describing: error))")
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }

  @Test("BertProcessing and RobertaProcessing put a token before and one after a text")
  func processing() throws {
    for type in ["BertProcessing", "RobertaProcessing"] {
      let part = #"{"type": "\#(type)", "sep": ["b", 1], "cls": ["a", 0], "trim_offsets": true}"#
      let json = Self.small.replacingOccurrences(
        of: #""post_processor": null"#, with: #""post_processor": \#(part)"#)
      let tokenizer = try #require(
        try TokenizerLoader.tokenizer(json: Data(json.utf8), subject: type) as? BPETokenizer)
      #expect(tokenizer.template == TextTemplate(prefix: [0], suffix: [1]), "\(type)")
    }
  }

  @Test(
    "Components that are not known are errors that name them",
    arguments: [
      (#""type": "BPE""#, #""type": "WordPiece""#, "WordPiece"),
      (#""type": "BPE""#, #""type": "Unigram""#, "Unigram"),
      (#""type": "BPE""#, #""type": "BPE", "dropout": 0.1"#, "dropout 0.1"),
      (#""type": "BPE""#, #""type": "BPE", "end_of_word_suffix": "</w>""#, "end_of_word_suffix"),
      (#""type": "BPE""#, #""type": "BPE", "continuing_subword_prefix": "@@""#, "prefix"),
      (#""normalizer": null"#, #""normalizer": {"type": "Lowercase"}"#, "normalizer Lowercase"),
      (
        #""normalizer": null"#,
        #""normalizer": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "x"}"#,
        " {2,}"
      ),
      (#""pre_tokenizer": null"#, #""pre_tokenizer": {"type": "BertPreTokenizer"}"#, "Bert"),
      (
        #""pre_tokenizer": null"#,
        #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\d+"}, "behavior": "Isolated"}"#,
        "\\d+"
      ),
      (
        #""pre_tokenizer": null"#,
        #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}"#,
        "after ByteLevel"
      ),
      (
        #""post_processor": null"#, #""post_processor": {"type": "PairProcessing"}"#,
        "post_processor PairProcessing"
      ),
      (#""decoder": null"#, #""decoder": {"type": "WordPiece"}"#, "decoder WordPiece"),
    ])
  func unsupported(part: String, other: String, words: String) {
    let error = error(replacing: part, with: other)
    #expect(error?.code == .unsupportedTokenizer, "\(String(describing: error))")
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }

  @Test(
    "An unknown token that no text asks for need not be in the vocabulary",
    arguments: [#""<unk>""#, #""""#, "null"])
  func unknown(spelling: String) throws {
    let text = String(decoding: ByteTokenizer().tokenizerJSON(), as: UTF8.self)
      .replacingOccurrences(of: #""unk_token": null"#, with: #""unk_token": \#(spelling)"#)
      .replacingOccurrences(
        of: #""added_tokens": ["#,
        with: #""added_tokens": [{"id": 300, "content": "<unk>", "special": true},"#)
    let tokenizer = try TokenizerLoader.tokenizer(json: Data(text.utf8), subject: "unknown")
    #expect(tokenizer.encode("\u{E9}<unk>", allowsSpecialTokens: true) == [0xC3, 0xA9, 256])
    // A byte less, and a text can ask for it.
    let less = text.replacingOccurrences(of: #""a": 97,"#, with: "")
    #expect(less.count < text.count)
    let error = error(less)
    #expect((error == nil) == (spelling == "null"), "\(String(describing: error))")
    #expect(error?.message.contains("unk_token") ?? true)
  }

  @Test("Nesting without end is an error, not a crash")
  func nesting() {
    let error = error(String(repeating: "[", count: 1_000_000))
    #expect(error?.message.contains("nests deeper") == true)
  }

  @Test("Bytes that are not UTF-8 are an error")
  func notUTF8() {
    #expect(throws: TextError.self) {
      try TokenizerLoader.tokenizer(json: Data([0x22, 0xFF, 0x22]), subject: "broken")
    }
  }

  @Test("A missing file and an empty folder are errors that say what to do")
  func missing() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("empty-\(UUID().uuidString)")
    let absent = #expect(throws: TextError.self) { try TokenizerLoader.load(from: folder) }
    #expect(absent?.code == .unreadableInput)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let empty = #expect(throws: TextError.self) { try TokenizerLoader.load(from: folder) }
    #expect(empty?.message.contains("vocab.json") == true)
    #expect(empty?.subject == folder.path)
  }

  @Test("A folder's tokenizer_config.json names the end of text")
  func configuration() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("config-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(Self.small.utf8).write(to: folder.appendingPathComponent("tokenizer.json"))
    try Data(#"{"eos_token": {"content": "b"}, "bos_token": "a"}"#.utf8)
      .write(to: folder.appendingPathComponent("tokenizer_config.json"))
    let tokenizer = try #require(try TokenizerLoader.load(from: folder) as? BPETokenizer)
    #expect(tokenizer.endOfText == 1)
    #expect(tokenizer.beginningOfText == 0)
  }

  @Test("Canonically equivalent tokens are different tokens")
  func equivalence() throws {
    let json = #"""
      {"model": {"type": "BPE", "vocab": {"\u00e9": 0, "e": 1, "\u0301": 2, "e\u0301": 3},
       "merges": [["e", "\u0301"]]}}
      """#
    let tokenizer = try TokenizerLoader.tokenizer(json: Data(json.utf8), subject: "accents")
    #expect(tokenizer.encode("\u{E9}e\u{301}e") == [0, 3, 1])
  }
}
