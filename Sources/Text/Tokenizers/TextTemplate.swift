// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The special tokens that a tokenizer's file puts around a text (`TemplateProcessing`).
///
/// ``Tokenizer/encode(_:allowsSpecialTokens:)`` adds none of them: a corpus of documents has its
/// own ends, and a prompt may want them or not.
public struct TextTemplate: Sendable, Hashable {
  /// Ids before the text.
  public var prefix: [Int32]
  /// Ids after the text.
  public var suffix: [Int32]

  /// Makes a template; by default one that adds nothing.
  public init(prefix: [Int32] = [], suffix: [Int32] = []) {
    self.prefix = prefix
    self.suffix = suffix
  }
}

extension TextTemplate {
  /// Reads the part `post_processor`.
  init(json: JSONValue, index: TokenIndex, subject: String) throws(TextError) {
    let reader = ComponentReader(subject: subject)
    self.init()
    for part in try reader.parts(json, "post_processor", list: "processors") {
      let type = part["type"]?.text ?? "without type"
      switch type {
      // It changes no ids; what has pieces is read as a template by the reference, whatever its type.
      case "ByteLevel" where part["single"] == nil: continue
      case "TemplateProcessing": try read(part, index, reader)
      case "RobertaProcessing", "BertProcessing":
        prefix = [try id("cls", of: part, reader)] + prefix
        suffix.append(try id("sep", of: part, reader))
      default:
        throw reader.unsupported(
          "post_processor \(type)",
          supported: "ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing, Sequence")
      }
    }
  }

  /// The id of a member that holds a token with its id.
  private func id(
    _ key: String, of part: JSONValue, _ reader: ComponentReader
  ) throws(TextError) -> Int32 {
    guard case .array(let pair)? = part[key], pair.count == 2, pair[0].text != nil,
      let id = pair[1].integer.flatMap(Int32.init(exactly:)), id >= 0
    else {
      throw reader.invalid(
        "post_processor.\(key)", part[key] ?? .null, expected: "[token, id]")
    }
    return id
  }

  private mutating func read(
    _ json: JSONValue, _ index: TokenIndex, _ reader: ComponentReader
  ) throws(TextError) {
    guard case .array(let pieces)? = json["single"],
      pieces.count(where: { $0["Sequence"] != nil }) == 1
    else {
      throw reader.invalid(
        "post_processor.single", json["single"] ?? .null,
        expected: "an array of pieces, one of them the Sequence")
    }
    var isPastText = false
    var (before, after): ([Int32], [Int32]) = ([], [])
    for piece in pieces {
      if piece["Sequence"] != nil {
        isPastText = true
        continue
      }
      guard let name = piece["SpecialToken"]?["id"]?.text else {
        throw reader.invalid(
          "post_processor.single", piece, expected: "the text or a special token")
      }
      let ids = try ids(of: name, json["special_tokens"], index, reader)
      if isPastText { after += ids } else { before += ids }
    }
    // Of several templates each stands around those before it.
    prefix = before + prefix
    suffix += after
  }

  /// The ids that the template itself lists for a token, which the reference takes unseen, or else
  /// the vocabulary's.
  private func ids(
    of name: String, _ listed: JSONValue?, _ index: TokenIndex, _ reader: ComponentReader
  ) throws(TextError) -> [Int32] {
    if case .array(let values)? = listed?[name]?["ids"] {
      let ids = values.compactMap { $0.integer.flatMap(Int32.init(exactly:)) }.filter { $0 >= 0 }
      if ids.count == values.count { return ids }
    } else if let id = index.id(of: name) {
      return [id]
    }
    throw reader.invalid(
      "post_processor.special_tokens['\(ModelDescription.name(Array(name.utf8)))'].ids",
      listed?[name]?["ids"] ?? .null, expected: "ids, or a token of the vocabulary")
  }
}

extension TextTemplate {
  /// A `TemplateProcessing` that puts a token before and one after a text; null where there are none.
  static func json(before: AddedToken?, after: AddedToken?) -> JSONValue {
    json(before: [before].compactMap { $0 }, after: [after].compactMap { $0 })
  }

  /// A `TemplateProcessing` that puts tokens around a text; null where there are none.
  static func json(before: [AddedToken], after: [AddedToken]) -> JSONValue {
    guard !before.isEmpty || !after.isEmpty else { return .null }
    func sequence(_ name: String) -> JSONValue {
      ["Sequence": ["id": .string(name), "type_id": 0]]
    }
    func around(_ name: String) -> [JSONValue] {
      before.map(piece) + [sequence(name)] + after.map(piece)
    }
    func piece(_ token: AddedToken) -> JSONValue {
      ["SpecialToken": ["id": .string(token.content), "type_id": 0]]
    }
    var special = JSONObject()
    for token in before + after {
      special[token.content] = [
        "id": .string(token.content), "ids": [JSONValue(Int(token.id))],
        "tokens": [.string(token.content)],
      ]
    }
    return [
      "type": "TemplateProcessing", "single": .array(around("A")),
      "pair": .array(around("A") + around("B")), "special_tokens": .object(special),
    ]
  }
}
