// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// A `tokenizer.json`, checked: its model and added tokens, the other parts as they were read.
struct TokenizerDescription: Sendable {
  var model: ModelDescription
  /// Added tokens by id, which is what ``AddedVocabulary`` gives them; of two that share an id the
  /// last holds it.
  var addedTokens: [AddedToken]
  var normalizer: JSONValue = .null
  var preTokenizer: JSONValue = .null
  var postProcessor: JSONValue = .null
  var decoder: JSONValue = .null

  /// The parts of byte-level BPE in GPT-2's manner.
  init(
    byteLevel model: ModelDescription, pattern: WordPattern?, addedTokens: [AddedToken],
    addsPrefixSpace: Bool = false
  ) {
    self.model = model
    self.addedTokens = addedTokens
    let usesPattern = pattern == .gpt2
    let byteLevel: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": .boolean(addsPrefixSpace), "trim_offsets": true,
      "use_regex": .boolean(usesPattern),
    ]
    preTokenizer = byteLevel
    if let pattern, !usesPattern {
      preTokenizer = [
        "type": "Sequence",
        "pretokenizers": [
          [
            "type": "Split",
            "pattern": ["Regex": .string(pattern.regularExpression)],
            "behavior": "Isolated", "invert": false,
          ],
          byteLevel,
        ],
      ]
    }
    decoder = [
      "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
    ]
  }

  /// Reads a file's contents.
  init(json: JSONValue, subject: String) throws(TextError) {
    let reader = ComponentReader(subject: subject)
    guard case .object = json, let model = json["model"] else {
      throw TextError(
        .invalidTokenizer, "has no member 'model'; expected a Hugging Face tokenizer.json",
        subject: subject)
    }
    self.model = try ModelDescription(json: model, subject: subject)
    normalizer = json["normalizer"] ?? .null
    preTokenizer = json["pre_tokenizer"] ?? .null
    postProcessor = json["post_processor"] ?? .null
    decoder = json["decoder"] ?? .null
    addedTokens = []
    guard case .array(let entries) = json["added_tokens"] ?? .array([]) else {
      throw reader.invalid("added_tokens", json["added_tokens"] ?? .null, expected: "an array")
    }
    guard !entries.isEmpty else { return }
    var added = try AddedVocabulary(self.model, subject: subject)
    added.add(
      try entries.enumerated().map { place, entry throws(TextError) in
        try AddedToken(fileEntry: entry, in: "added_tokens[\(place)]", reader: reader)
      })
    addedTokens = added.tokens
  }

  /// The file's contents in canonical form.
  func json(contents: [[UInt8]]) -> JSONValue {
    [
      "version": "1.0",
      "truncation": .null,
      "padding": .null,
      "added_tokens": .array(addedTokens.map(\.json)),
      "normalizer": normalizer,
      "pre_tokenizer": preTokenizer,
      "post_processor": postProcessor,
      "decoder": decoder,
      "model": model.json(contents: contents),
    ]
  }
}

extension AddedToken {
  /// Reads an element of `added_tokens`; its id must be one, though the token's place decides.
  fileprivate init(
    fileEntry json: JSONValue, in place: String, reader: ComponentReader
  ) throws(TextError) {
    self = try AddedTokenForm(json: json, in: place, reader: reader).token()
    guard let id = json["id"]?.integer, UInt32(exactly: id) != nil else {
      throw reader.invalid(
        "\(place) ('\(content)') id", json["id"] ?? .null, expected: "an id below 2^32")
    }
  }

  /// The token's element of `added_tokens`.
  fileprivate var json: JSONValue {
    [
      "id": JSONValue(Int(id)),
      "content": .string(content),
      "single_word": .boolean(matchesWholeWord),
      "lstrip": .boolean(stripsLeft),
      "rstrip": .boolean(stripsRight),
      "normalized": .boolean(matchesNormalized),
      "special": .boolean(isSpecial),
    ]
  }
}
