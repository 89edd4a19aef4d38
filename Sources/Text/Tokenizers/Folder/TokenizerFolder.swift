// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// A folder with a tokenizer, read as `AutoTokenizer` of transformers reads it: `tokenizer.json`, or
/// `vocab.json` with `merges.txt`, together with what the small files beside them say.
struct TokenizerFolder {
  let url: URL
  /// `tokenizer_config.json`; nil where there is none.
  let settings: JSONObject?
  /// `special_tokens_map.json`, which older versions wrote.
  let specialTokensMap: JSONObject?
  /// `added_tokens.json`, which older versions wrote: ids by token.
  let addedTokens: JSONObject?
  /// What `config.json` says of the model's type and of its tokenizer.
  let modelType, modelTokenizerClass: String?

  static let settingsName = "tokenizer_config.json"
  static let specialTokensName = "special_tokens_map.json"
  static let addedTokensName = "added_tokens.json"

  /// Reads the small files.
  init(_ url: URL) throws(TextError) {
    self.url = url
    settings = try Self.object(url.appendingPathComponent(Self.settingsName))
    specialTokensMap = try Self.object(url.appendingPathComponent(Self.specialTokensName))
    addedTokens = try Self.object(url.appendingPathComponent(Self.addedTokensName))
    // What is wrong with the model's configuration is not the tokenizer's to say.
    let model = try? Self.object(url.appendingPathComponent("config.json"))
    modelType = model?["model_type"]?.text
    modelTokenizerClass = model?["tokenizer_class"]?.text
  }

  /// Opens the tokenizer.
  func tokenizer() throws(TextError) -> any Tokenizer {
    let file = url.appendingPathComponent("tokenizer.json")
    guard !FileManager.default.fileExists(atPath: file.path) else { return try open(file) }
    let vocabulary = url.appendingPathComponent("vocab.json")
    let merges = url.appendingPathComponent("merges.txt")
    guard FileManager.default.fileExists(atPath: vocabulary.path),
      FileManager.default.fileExists(atPath: merges.path)
    else {
      throw TextError(
        .unreadableInput,
        "holds neither tokenizer.json nor vocab.json with merges.txt; save the tokenizer there in "
          + "one of these forms (in Python: AutoTokenizer.from_pretrained(…).save_pretrained(…))",
        subject: url.path)
    }
    return try open(vocabulary: vocabulary, merges: merges)
  }

  private func open(_ file: URL) throws(TextError) -> any Tokenizer {
    let data = try TokenizerLoader.read(file)
    let json = try JSONValue(tokenizerFile: data, subject: file.path)
    var description = try TokenizerDescription(json: json, subject: file.path)
    let kind = try TokenizerClass(of: self, tokenizerFile: data)
    let tokens = try SpecialTokens(
      of: self, defaults: kind.defaultTokens, fileTokens: Self.fileTokens(json, file.path))
    description = try kind.rebuilt(description, tokens, settings: reader, subject: file.path)
    try tokens.add(to: &description, kind, subject: file.path)
    description.postProcessor = try kind.template(
      description, tokens, settings: reader, subject: file.path)
    return try TokenizerLoader.tokenizer(
      description, endOfText: tokens["eos_token"], beginningOfText: tokens["bos_token"],
      splitsSpecialTokens: try reader.flag("split_special_tokens"), subject: file.path)
  }

  private func open(vocabulary: URL, merges: URL) throws(TextError) -> any Tokenizer {
    let subject = vocabulary.path
    let model = try ModelDescription(vocabulary: vocabulary, merges: merges)
    let kind = try TokenizerClass(of: self, tokenizerFile: nil)
    var description = try kind.parts(model, settings: reader)
    var defaults = kind.defaultTokens
    if kind == .file, let end = TokenVocabulary.endNames.first,
      try model.index(subject: subject).id(of: end) != nil
    {
      defaults = [("eos_token", end)]
    }
    let tokens = try SpecialTokens(of: self, defaults: defaults, fileTokens: [])
    try tokens.add(to: &description, kind, subject: subject)
    description.postProcessor = TextTemplate.json(
      before: try reader.flag("add_bos_token") ? tokens.added("bos_token", description) : nil,
      after: try reader.flag("add_eos_token") ? tokens.added("eos_token", description) : nil)
    description.postProcessor = try kind.template(
      description, tokens, settings: reader, subject: subject)
    return try TokenizerLoader.tokenizer(
      description, endOfText: tokens["eos_token"], beginningOfText: tokens["bos_token"],
      splitsSpecialTokens: try reader.flag("split_special_tokens"), subject: subject)
  }

  /// Reads `tokenizer_config.json`.
  var reader: SettingsReader {
    SettingsReader(
      object: settings ?? JSONObject(),
      reader: ComponentReader(subject: url.appendingPathComponent(Self.settingsName).path))
  }

  /// The added tokens of `tokenizer.json` with the ids that stand there.
  private static func fileTokens(
    _ json: JSONValue, _ subject: String
  ) throws(TextError) -> [(index: Int, form: AddedTokenForm)] {
    guard case .array(let entries)? = json["added_tokens"] else { return [] }
    return try entries.enumerated().map { place, entry throws(TextError) in
      let form = try AddedTokenForm(
        json: entry, in: "added_tokens[\(place)]", reader: ComponentReader(subject: subject))
      return (entry["id"]?.integer ?? place, form)
    }
  }

  /// An object's file; nil where there is none.
  private static func object(_ file: URL) throws(TextError) -> JSONObject? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    let value = try JSONValue(
      tokenizerFile: try TokenizerLoader.read(file), subject: file.path, isPython: true)
    guard case .object(let object) = value else {
      throw TextError(
        .invalidTokenizer, "is \(value.summary); expected an object", subject: file.path)
    }
    return object
  }
}

/// Reads members of `tokenizer_config.json`.
struct SettingsReader {
  let object: JSONObject
  let reader: ComponentReader

  /// A Boolean; null counts as missing.
  func flag(_ key: String, default standard: Bool = false) throws(TextError) -> Bool {
    switch object[key] {
    case nil, .null?: return standard
    case .boolean(let value)?: return value
    case let value?: throw reader.invalid(key, value, expected: "true, false or null")
    }
  }
}
