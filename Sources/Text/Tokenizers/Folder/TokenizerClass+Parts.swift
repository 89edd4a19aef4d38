// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

extension TokenizerClass {
  /// The tokenizer that the class makes of a file's vocabulary and merges.
  ///
  /// Parts that mean the same keep the file's spelling, and with it the tokenizer its fingerprint.
  /// Added tokens are the caller's to add again, and then the template.
  func rebuilt(
    _ file: TokenizerDescription, _ tokens: SpecialTokens, settings: SettingsReader,
    subject: String
  ) throws(TextError) -> TokenizerDescription {
    guard self != .file else { return file }
    var result = try parts(file.model, settings: settings)
    result.model = try model(file.model, tokens, subject: subject)
    result.normalizer = try Self.choose(result.normalizer, file.normalizer) {
      value throws(TextError) in try Normalizer(json: value, subject: subject)
    }
    result.preTokenizer = try Self.choose(result.preTokenizer, file.preTokenizer) {
      value throws(TextError) in try PreTokenizer(json: value, subject: subject)
    }
    let isByteLevel = !isSentencePiece
    result.decoder = try Self.choose(result.decoder, file.decoder) {
      value throws(TextError) in
      try TokenDecoder(json: value, isByteLevel: isByteLevel, subject: subject)
    }
    // It makes its template anew, and a folder with a tokenizer.json cannot ask for one.
    result.postProcessor =
      self == .gptNeoX && Self.hasTemplate(file.postProcessor) ? .null : file.postProcessor
    return result
  }

  /// The parts around a vocabulary that came without any.
  func parts(
    _ model: ModelDescription, settings: SettingsReader
  ) throws(TextError) -> TokenizerDescription {
    let standard = self == .llama || self == .codeLlama
    let addsSpace = try settings.flag("add_prefix_space", default: standard)
    var result = TokenizerDescription(
      byteLevel: model, pattern: pattern, addedTokens: [], addsPrefixSpace: addsSpace)
    switch self {
    case .file, .gpt2, .roberta, .whisper: break
    case .gptNeoX, .qwen2, .qwen3_5: result.normalizer = ["type": "NFC"]
    case .cohere:
      result.normalizer = ["type": "NFC"]
      let digits: JSONValue = ["type": "Digits", "individual_digits": true]
      result.preTokenizer = [
        "type": "Sequence", "pretokenizers": [digits, result.preTokenizer],
      ]
    case .gemma:
      let space: JSONValue = ["String": " "]
      result.normalizer = ["type": "Replace", "pattern": space, "content": "▁"]
      result.preTokenizer = [
        "type": "Split", "pattern": space, "behavior": "MergedWithPrevious", "invert": false,
      ]
      result.decoder = Self.sentencePieceDecoder(strips: false)
    case .llama, .codeLlama:
      let isLegacy = self == .llama ? try settings.flag("legacy") : false
      let scheme: JSONValue = !addsSpace ? "never" : isLegacy ? "always" : "first"
      result.preTokenizer = [
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false,
      ]
      result.decoder = Self.sentencePieceDecoder(strips: addsSpace || self == .codeLlama)
    }
    return result
  }

  private var pattern: WordPattern {
    switch self {
    case .qwen2: .qwen2
    case .qwen3_5: .qwen3_5
    default: .gpt2
    }
  }

  private static func sentencePieceDecoder(strips: Bool) -> JSONValue {
    var steps: [JSONValue] = [
      ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"],
      ["type": "Fuse"],
    ]
    if strips { steps.append(["type": "Strip", "content": " ", "start": 1, "stop": 0]) }
    return ["type": "Sequence", "decoders": .array(steps)]
  }

  /// The model with the class's own options, where they make a difference.
  private func model(
    _ file: ModelDescription, _ tokens: SpecialTokens, subject: String
  ) throws(TextError) -> ModelDescription {
    var model = file
    model.ignoresMerges = false
    let index = try file.index(subject: subject)
    let spellings =
      isSentencePiece
      ? SymbolAlphabet.byteTokens
      : (UInt8(0)...255).map { ByteLevelAlphabet.spelling(of: [$0]) }
    let isComplete = spellings.allSatisfy { index.id(of: $0) != nil }
    if isSentencePiece { model.usesByteFallback = true }
    guard !isComplete else { return model }
    model.unknownToken =
      self == .codeLlama || self == .gemma ? tokens["unk_token"].map { Array($0.utf8) } : nil
    model.fusesUnknown = isSentencePiece
    if !isSentencePiece { model.usesByteFallback = false }
    return model
  }

  private static func choose<Part: Equatable>(
    _ own: JSONValue, _ file: JSONValue, _ read: (JSONValue) throws(TextError) -> Part
  ) throws(TextError) -> JSONValue {
    // What cannot be read is not looked at by the class either.
    guard let part = try? read(file) else { return own }
    return try read(own) == part ? file : own
  }
}
