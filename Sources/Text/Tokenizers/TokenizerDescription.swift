// SPDX-License-Identifier: Apache-2.0
import Foundation
import OrderedJSON

/// A `tokenizer.json`, checked: its model and added tokens, the other parts as they were read.
struct TokenizerDescription: Sendable {
  var model: ModelDescription
  /// Added tokens by id.
  var addedTokens: [AddedToken]
  var normalizer: JSONValue = .null
  var preTokenizer: JSONValue = .null
  var postProcessor: JSONValue = .null
  var decoder: JSONValue = .null

  /// The parts of byte-level BPE in GPT-2's manner.
  init(byteLevel model: ModelDescription, pattern: WordPattern?, addedTokens: [AddedToken]) {
    self.model = model
    self.addedTokens = addedTokens
    let usesPattern = pattern == .gpt2
    let byteLevel: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
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
    for entry in entries { addedTokens.append(try AddedToken(json: entry, reader: reader)) }
    addedTokens.sort { $0.id < $1.id }
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
  /// Reads an element of `added_tokens`.
  fileprivate init(json: JSONValue, reader: ComponentReader) throws(TextError) {
    guard let content = json["content"]?.text else {
      throw reader.invalid("added_tokens.content", json["content"] ?? .null, expected: "text")
    }
    guard let id = json["id"]?.integer, let id = Int32(exactly: id) else {
      throw reader.invalid(
        "added_tokens['\(content)'].id", json["id"] ?? .null, expected: "an id below 2^31")
    }
    let name = "added_tokens['\(content)']"
    let isSpecial = try reader.flag(json, "special", in: name, default: false)
    self.init(
      id: id, content: content, isSpecial: isSpecial,
      matchesWholeWord: try reader.flag(json, "single_word", in: name, default: false),
      stripsLeft: try reader.flag(json, "lstrip", in: name, default: false),
      stripsRight: try reader.flag(json, "rstrip", in: name, default: false),
      matchesNormalized: try reader.flag(json, "normalized", in: name, default: !isSpecial))
  }

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
