// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON
import Testing

import Text

@Suite("Folders as AutoTokenizer of transformers reads them")
struct FolderTests {
  @Test(
    "Ids, template and end of text of every combination of files and keys",
    arguments: ["folders.json", "classes.json"])
  func golden(file: String) throws {
    let goldens = try FolderGoldens(file: file)
    let parent = FileManager.default.temporaryDirectory
      .appendingPathComponent("folders-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: parent) }
    for (index, item) in goldens.cases.enumerated() {
      let folder = parent.appendingPathComponent("\(index)")
      try goldens.write(item, to: folder)
      let name = item["name"]?.text ?? ""
      let golden = try goldens.golden(of: item)
      guard golden["error"] == nil else {
        // Where the reference fails a tokenizer may open or not.
        _ = try? TokenizerLoader.load(from: folder)
        continue
      }
      let tokenizer = try #require(
        try TokenizerLoader.load(from: folder) as? BPETokenizer, "\(name)")
      let ids = goldens.texts.map { tokenizer.encode($0, allowsSpecialTokens: true) }
      #expect(ids == golden["bare"]?.idLists, "\(name)")
      #expect(
        tokenizer.template.prefix + tokenizer.template.suffix == golden["around"]?.ids, "\(name)")
      #expect(
        tokenizer.template.prefix + tokenizer.encode("the") + tokenizer.template.suffix
          == golden["around_text"]?.ids, "\(name)")
      // A lone file names no roles.
      guard item["form"] == "files" || item["files"]?.object?.members.isEmpty == false else {
        continue
      }
      if let end = golden["eos"]?.text {
        #expect(tokenizer.endOfText == tokenizer.id(ofToken: end), "\(name)")
      }
      if let begin = golden["bos"]?.text {
        #expect(tokenizer.beginningOfText == tokenizer.id(ofToken: begin), "\(name)")
      }
      for (text, decoded) in zip(goldens.texts, golden["decoded"]?.texts ?? []) {
        let ids = tokenizer.encode(text, allowsSpecialTokens: true)
        #expect(tokenizer.decodeText(ids) == decoded, "\(name)")
      }
    }
  }

  @Test(
    "What a folder gives can be written as one tokenizer.json",
    arguments: ["folders.json", "classes.json"])
  func canonical(file: String) throws {
    let goldens = try FolderGoldens(file: file)
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("folders-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for (index, item) in goldens.cases.enumerated() where index % 9 == 0 {
      try? FileManager.default.removeItem(at: folder)
      try goldens.write(item, to: folder)
      guard let tokenizer = try? TokenizerLoader.load(from: folder) as? BPETokenizer,
        !tokenizer.splitsSpecialTokens
      else { continue }
      let again = try #require(
        try TokenizerLoader.tokenizer(json: tokenizer.tokenizerJSON(), subject: "again")
          as? BPETokenizer)
      let name = item["name"]?.text ?? ""
      #expect(again.fingerprint == tokenizer.fingerprint, "\(name)")
      #expect(again.template == tokenizer.template, "\(name)")
      #expect(again.vocabularySize == tokenizer.vocabularySize, "\(name)")
      for text in goldens.texts {
        #expect(
          again.encode(text, allowsSpecialTokens: true)
            == tokenizer.encode(text, allowsSpecialTokens: true), "\(name)")
      }
    }
  }

  @Test("Ids of added tokens with gaps, in reverse, doubled, and of splits: those of tokenizers")
  func addedTokens() throws {
    let golden = try FolderGoldens.json("added.json")
    let texts = try #require(golden["texts"]?.texts)
    for item in try #require(golden["cases"]?.elements) {
      var file = try #require(golden["base"]?.object)
      var model = try #require((item["vocab"] == "hole" ? golden["hole"] : file["model"])?.object)
      let changes = try #require(item["model"]?.object)
      for member in changes.members { model[member.key] = member.value }
      file["model"] = .object(model)
      file["added_tokens"] = item["added_tokens"]
      if let part = item["pre_tokenizer"] { file["pre_tokenizer"] = part }
      let name = item["name"]?.text ?? ""
      for round in 0..<2 {
        let data = Data(JSONValue.object(file).encoded(.compact))
        let read = try #require(
          try TokenizerLoader.tokenizer(json: data, subject: name) as? BPETokenizer)
        let tokenizer =
          round == 0
          ? read
          : try #require(
            try TokenizerLoader.tokenizer(json: read.tokenizerJSON(), subject: name)
              as? BPETokenizer)
        let ids = texts.map { tokenizer.encode($0, allowsSpecialTokens: true) }
        #expect(ids == item["ids"]?.idLists, "\(name), round \(round)")
      }
    }
  }

  @Test(
    "Classes that make their parts anew and are not known here are refused by name",
    arguments: ["CLIPTokenizer", "DebertaTokenizerFast", "NougatTokenizerFast"])
  func strangers(name: String) throws {
    let goldens = try FolderGoldens()
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("folders-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try goldens.write(goldens.cases[0], to: folder)
    let url = folder.appendingPathComponent("tokenizer_config.json")
    try Data(#"{"tokenizer_class": "\#(name)"}"#.utf8).write(to: url)
    let error = #expect(throws: TextError.self) { try TokenizerLoader.load(from: folder) }
    #expect(error?.code == .unsupportedTokenizer && error?.subject == url.path)
    #expect(error?.message.contains(name.replacing("Fast", with: "")) == true)
    #expect(error?.message.contains("PreTrainedTokenizerFast") == true)
  }

  @Test("A Qwen2 model's tokenizer.json is believed where its class says so")
  func believed() throws {
    let goldens = try FolderGoldens()
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("folders-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let item = try #require(goldens.cases.first { $0["base"] == "llama3" && $0["form"] == "json" })
    try goldens.write(item, to: folder)
    try Data(#"{"model_type": "qwen2"}"#.utf8)
      .write(to: folder.appendingPathComponent("config.json"))
    let alone = try TokenizerLoader.load(from: folder)
    for (name, isSame) in [("PreTrainedTokenizerFast", true), ("Qwen2Tokenizer", false)] {
      try Data(#"{"tokenizer_class": "\#(name)"}"#.utf8)
        .write(to: folder.appendingPathComponent("tokenizer_config.json"))
      let tokenizer = try TokenizerLoader.load(from: folder)
      #expect((tokenizer.fingerprint == alone.fingerprint) == isSame, "\(name)")
    }
  }

  @Test(
    "Wrong values are errors that name file and key",
    arguments: [
      ("tokenizer_config.json", #"{"eos_token": 5}"#, "eos_token is 5"),
      ("tokenizer_config.json", #"{"split_special_tokens": "yes"}"#, "split_special_tokens"),
      ("tokenizer_config.json", #"{"bos_token": {"lstrip": true}}"#, "bos_token.content"),
      ("tokenizer_config.json", #"{"additional_special_tokens": "<x>"}"#, "additional_special"),
      ("tokenizer_config.json", #"{"additional_special_tokens": [null]}"#, "tokens[0]"),
      ("tokenizer_config.json", #"{"added_tokens_decoder": []}"#, "added_tokens_decoder"),
      ("tokenizer_config.json", #"{"added_tokens_decoder": {"a": {"content": "x"}}}"#, "ids"),
      ("tokenizer_config.json", #"{"added_tokens_decoder": {"1": "x"}}"#, "['1']"),
      ("tokenizer_config.json", "[]", "expected an object"),
      ("tokenizer_config.json", "{", "not JSON"),
      ("special_tokens_map.json", #"{"unk_token": [1]}"#, "unk_token"),
      ("special_tokens_map.json", "7", "expected an object"),
      ("added_tokens.json", #"{"<x>": "1"}"#, "'<x>'"),
      ("added_tokens.json", "nul", "not JSON"),
    ])
  func wrong(file: String, contents: String, words: String) throws {
    let goldens = try FolderGoldens()
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("folders-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try goldens.write(goldens.cases[0], to: folder)
    let url = folder.appendingPathComponent(file)
    try Data(contents.utf8).write(to: url)
    let error = #expect(throws: TextError.self) { try TokenizerLoader.load(from: folder) }
    #expect(error?.subject == url.path)
    #expect(error?.code == .invalidTokenizer)
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }
}

/// The files that `Scripts/reference/tokenizer_folder_goldens.py` made.
struct FolderGoldens {
  let json: JSONValue
  let cases: [JSONValue]
  let texts: [String]

  /// Reads the folders, or files that were edited: those of the goldens or of another file.
  init(file: String = "folders.json") throws { try self.init(Self.json(file)) }

  init(edits: URL?) throws {
    try self.init(
      edits.map { try JSONValue(parsing: [UInt8](Data(contentsOf: $0))) }
        ?? Self.json("edits.json"))
  }

  private init(_ json: JSONValue) throws {
    self.json = json
    guard case .array(let cases)? = json["cases"] else {
      self.cases = []
      texts = []
      return
    }
    self.cases = cases
    texts = json["texts"]?.texts ?? []
  }

  static func json(_ name: String) throws -> JSONValue {
    let folder = try #require(Bundle.module.resourceURL)
    let url = folder.appendingPathComponent("Goldens/folders").appendingPathComponent(name)
    return try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
  }

  func golden(of item: JSONValue) throws -> JSONValue {
    guard case .array(let goldens)? = json["goldens"] else { return .null }
    return goldens[try #require(item["golden"]?.integer)]
  }

  /// Lays a case's files out.
  func write(_ item: JSONValue, to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ value: JSONValue, _ name: String) throws {
      try Data(value.encoded(.compact)).write(to: folder.appendingPathComponent(name))
    }
    let base = try #require(json["bases"]?[item["base"]?.text ?? ""])
    if item["form"] == "json" {
      try write(base, "tokenizer.json")
    } else {
      try write(base["model"]?["vocab"] ?? .null, "vocab.json")
      let merges = (base["model"]?["merges"]?.texts ?? []).map { $0 + "\n" }.joined()
      try Data(("#version: 0.2\n" + merges).utf8)
        .write(to: folder.appendingPathComponent("merges.txt"))
    }
    if let config = item["config"], config != .null { try write(config, "config.json") }
    guard case .object(let files)? = item["files"] else { return }
    for file in files.members { try write(file.value, file.key) }
  }
}

extension JSONValue {
  var elements: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  fileprivate var object: JSONObject? {
    guard case .object(let object) = self else { return nil }
    return object
  }

  fileprivate var texts: [String] {
    guard case .array(let elements) = self else { return [] }
    return elements.compactMap(\.text)
  }

  var ids: [Int32] {
    guard case .array(let elements) = self else { return [] }
    return elements.compactMap { $0.integer.flatMap(Int32.init(exactly:)) }
  }

  var idLists: [[Int32]] {
    guard case .array(let elements) = self else { return [] }
    return elements.map(\.ids)
  }
}
