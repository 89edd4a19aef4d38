// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording

/// The part `model` of a `tokenizer.json`: a vocabulary and the merges in order.
struct ModelDescription: Sendable {
  /// One entry of the vocabulary, spelled as in the file.
  struct Token: Sendable {
    var content: [UInt8]
    var id: Int32
  }
  /// Tokens by id, no id twice.
  var vocabulary: [Token]
  /// Pairs of ids in the order of their ranks.
  var merges: [(left: Int32, right: Int32)]
  /// Stands for what the vocabulary cannot spell; it need not be there where nothing is such.
  var unknownToken: [UInt8]?
  var fusesUnknown = false
  var usesByteFallback = false
  var ignoresMerges = false

  /// Checks the ids of a vocabulary: none negative, none twice, none far beyond their number.
  static func checked(
    _ tokens: [Token], subject: String
  ) throws(TextError) -> [Token] {
    // A table is indexed by id: a few bytes of file must not ask for gigabytes of it.
    let limit = Int32(clamping: tokens.count * 2 + 4096)
    for token in tokens where token.id < 0 || token.id >= limit {
      throw TextError(
        .invalidTokenizer,
        "token '\(name(token.content))' has id \(token.id); expected one from 0 to below \(limit) for "
          + counted(tokens.count, "token"),
        subject: subject)
    }
    let sorted = tokens.sorted { $0.id < $1.id }
    for (one, other) in zip(sorted, sorted.dropFirst()) where one.id == other.id {
      throw TextError(
        .invalidTokenizer,
        "tokens '\(name(one.content))' and '\(name(other.content))' share id \(one.id); "
          + "expected an id each",
        subject: subject)
    }
    return sorted
  }

  /// A token's spelling for messages.
  static func name(_ content: [UInt8]) -> String {
    String(decoding: content.prefix(80), as: UTF8.self)
  }
}

extension ModelDescription {
  /// Reads the part `model`.
  init(json: JSONValue, subject: String) throws(TextError) {
    let reader = ComponentReader(subject: subject)
    try Self.checkKind(json, reader)
    guard case .object(let object)? = json["vocab"] else {
      throw reader.invalid("model.vocab", json["vocab"] ?? .null, expected: "an object of tokens")
    }
    var tokens: [Token] = []
    tokens.reserveCapacity(object.members.count)
    for member in object.members {
      guard let id = member.value.integer, let id = Int32(exactly: id) else {
        let name = Self.name(Array(member.key.utf8))
        throw reader.invalid("model.vocab['\(name)']", member.value, expected: "an id below 2^31")
      }
      tokens.append(Token(content: Array(member.key.utf8), id: id))
    }
    vocabulary = try Self.checked(tokens, subject: subject)
    merges = []
    if let unknown = json["unk_token"], unknown != .null {
      guard let content = unknown.bytes else {
        throw reader.invalid("model.unk_token", unknown, expected: "a token or null")
      }
      unknownToken = content
    }
    fusesUnknown = try reader.flag(json, "fuse_unk", in: "model", default: false)
    usesByteFallback = try reader.flag(json, "byte_fallback", in: "model", default: false)
    ignoresMerges = try reader.flag(json, "ignore_merges", in: "model", default: false)
    let index = try index(subject: subject)
    guard case .array(let entries)? = json["merges"] else {
      throw reader.invalid("model.merges", json["merges"] ?? .null, expected: "an array of pairs")
    }
    merges = try MergeReader(index: index, subject: subject).merges(entries)
  }

  private static func checkKind(
    _ json: JSONValue, _ reader: ComponentReader
  ) throws(TextError) {
    guard case .object = json else {
      throw reader.invalid("model", json, expected: "an object of type BPE")
    }
    if let type = json["type"], type != "BPE" {
      throw reader.unsupported("model of type \(type.summary)", supported: "type BPE")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let value = json[key], value != .null, value != "" {
        throw reader.unsupported("model.\(key) \(value.summary)", supported: "null")
      }
    }
    if let dropout = json["dropout"], dropout != .null, dropout.double != 0 {
      throw reader.unsupported("model.dropout \(dropout.summary)", supported: "null")
    }
  }

  /// From spelling to id.
  func index(subject: String) throws(TextError) -> TokenIndex {
    var index = TokenIndex(minimumCapacity: vocabulary.count)
    for token in vocabulary where !index.insert(token.content, id: token.id) {
      throw TextError(
        .invalidTokenizer,
        "token '\(Self.name(token.content))' stands twice in the vocabulary; expected it once",
        subject: subject)
    }
    return index
  }

  /// The part `model` in canonical form: tokens by id, merges in order.
  func json(contents: [[UInt8]]) -> JSONValue {
    // Text with a space cannot be told from two tokens; older readers know only the joined form.
    let isJoined = !merges.contains {
      contents[Int($0.left)].contains(0x20) || contents[Int($0.right)].contains(0x20)
    }
    return [
      "type": "BPE",
      "dropout": .null,
      "unk_token": unknownToken.map { JSONValue(bytes: $0) } ?? .null,
      "continuing_subword_prefix": .null,
      "end_of_word_suffix": .null,
      "fuse_unk": .boolean(fusesUnknown),
      "byte_fallback": .boolean(usesByteFallback),
      "ignore_merges": .boolean(ignoresMerges),
      "vocab": .object(JSONObject(vocabulary.map(\.json))),
      "merges": .array(
        merges.map { merge in
          let (left, right) = (contents[Int(merge.left)], contents[Int(merge.right)])
          return isJoined
            ? JSONValue(bytes: left + [0x20] + right)
            : [JSONValue(bytes: left), JSONValue(bytes: right)]
        }),
    ]
  }
}

extension ModelDescription.Token {
  /// The token's member of `vocab`.
  fileprivate var json: JSONObject.Member {
    JSONObject.Member(
      key: String(decoding: content, as: UTF8.self), value: JSONValue(Int(id)))
  }
}
