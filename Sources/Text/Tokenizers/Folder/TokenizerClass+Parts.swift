// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension TokenizerClass {
  /// The tokenizer that the class makes of a file's vocabulary, merges and template.
  ///
  /// Parts that mean the same keep the file's spelling, and with it the tokenizer its fingerprint.
  /// Added tokens are the caller's to add again.
  func rebuilt(
    _ file: TokenizerDescription, settings: SettingsReader, subject: String
  ) throws(TextError) -> TokenizerDescription {
    guard self != .file else { return file }
    var result = try parts(file.model, settings: settings)
    result.model = try model(file.model, subject: subject)
    result.normalizer = try Self.choose(result.normalizer, file.normalizer) {
      value throws(TextError) in try Normalizer(json: value, subject: subject)
    }
    result.preTokenizer = try Self.choose(result.preTokenizer, file.preTokenizer) {
      value throws(TextError) in try PreTokenizer(json: value, subject: subject)
    }
    let isByteLevel = self != .llama
    result.decoder = try Self.choose(result.decoder, file.decoder) {
      value throws(TextError) in
      try TokenDecoder(json: value, isByteLevel: isByteLevel, subject: subject)
    }
    // GPT-NeoX makes its template anew, and a folder with a tokenizer.json cannot ask for one.
    let losesTemplate = self == .gptNeoX && Self.hasTemplate(file.postProcessor)
    result.postProcessor = losesTemplate ? .null : file.postProcessor
    return result
  }

  /// The parts around a vocabulary that came without any.
  func parts(
    _ model: ModelDescription, settings: SettingsReader
  ) throws(TextError) -> TokenizerDescription {
    let addsSpace = try settings.flag("add_prefix_space", default: self == .llama)
    var result = TokenizerDescription(
      byteLevel: model, pattern: self == .qwen2 ? .qwen2 : .gpt2, addedTokens: [],
      addsPrefixSpace: addsSpace)
    if self == .qwen2 || self == .gptNeoX { result.normalizer = ["type": "NFC"] }
    if self == .llama {
      let isLegacy = try settings.flag("legacy")
      let scheme: JSONValue = !addsSpace ? "never" : isLegacy ? "always" : "first"
      result.preTokenizer = [
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false,
      ]
      result.decoder = Self.llamaDecoder(strips: addsSpace)
    }
    return result
  }

  private static func llamaDecoder(strips: Bool) -> JSONValue {
    var steps: [JSONValue] = [
      ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"],
      ["type": "Fuse"],
    ]
    if strips { steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
    return ["type": "Sequence", "decoders": .array(steps)]
  }

  /// The model with the class's own options, where they make a difference.
  private func model(
    _ file: ModelDescription, subject: String
  ) throws(TextError) -> ModelDescription {
    var model = file
    model.ignoresMerges = false
    let index = try file.index(subject: subject)
    let spellings =
      self == .llama
      ? SymbolAlphabet.byteTokens
      : (UInt8(0)...255).map { ByteLevelAlphabet.spelling(of: [$0]) }
    let isComplete = spellings.allSatisfy { index.id(of: $0) != nil }
    if self == .llama { model.usesByteFallback = true }
    guard !isComplete else { return model }
    model.unknownToken = nil
    model.fusesUnknown = self == .llama
    if self != .llama { model.usesByteFallback = false }
    return model
  }

  private static func choose<Part: Equatable>(
    _ own: JSONValue, _ file: JSONValue, _ read: (JSONValue) throws(TextError) -> Part
  ) throws(TextError) -> JSONValue {
    // What cannot be read is not looked at by the class either.
    guard let part = try? read(file) else { return own }
    return try read(own) == part ? file : own
  }

  private static func hasTemplate(_ json: JSONValue) -> Bool {
    if json["type"] == "TemplateProcessing" { return true }
    guard case .array(let parts)? = json["processors"] else { return false }
    return parts.contains { $0["type"] == "TemplateProcessing" }
  }
}
