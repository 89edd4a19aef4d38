// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// The tokens that a folder's small files name, and those that they add to the vocabulary.
struct SpecialTokens {
  /// A token as the files give it.
  enum Value {
    case text(String)
    case token(AddedTokenForm)

    var content: String {
      switch self {
      case .text(let content): content
      case .token(let form): form.content
      }
    }

    /// Whether the reference does not know the token's text yet when it reads `added_tokens.json`.
    var isUnread: Bool {
      if case .token(let form) = self { form.isUnread } else { false }
    }
  }

  /// The roles that transformers knows, in its order.
  static let roles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// Tokens with the place at which they are to be added.
  private(set) var listed: [(index: Int, form: AddedTokenForm)] = []
  /// Tokens by role; nil for a role that has none.
  private(set) var named: [String: Value?] = [:]
  /// Tokens of roles that only this model has, in order.
  private(set) var specific: [(role: String, value: Value)] = []
  /// Special tokens without a role.
  private(set) var extra: [Value] = []
  /// Whether a key has spoken of them already, be it to say that there are none.
  private var knowsExtra = false
  /// Texts among ``specific`` that `tokenizer_config.json` gives, which count most.
  private var explicit: [(role: String, value: Value)] = []
  /// Special tokens without a role by the key's older name, where the newer one does not count.
  private var legacyExtra: [Value] = []

  /// Reads the files.
  ///
  /// `defaults` are the tokens of roles that no file mentions, `fileTokens` the
  /// added tokens of a `tokenizer.json` with the ids that stand there.
  init(
    of folder: TokenizerFolder, defaults: [(key: String, content: String)],
    fileTokens: [(index: Int, form: AddedTokenForm)]
  ) throws(TextError) {
    let reader = folder.reader.reader
    let settings = folder.settings ?? JSONObject()
    // What a file says of these, be it null, counts instead, in their place.
    for (key, content) in defaults where Self.isSpecific(key) && settings[key] != .null {
      add(.text(content), key)
    }
    try readRoles(settings, reader)
    try readExtra(settings, reader)
    if let decoder = settings["added_tokens_decoder"], decoder != .null {
      try readDecoder(decoder, reader)
    } else {
      try readMap(folder)
      try readAddedTokens(folder)
      listed += fileTokens
    }
    if !knowsExtra {
      // A class with roles of its own lists their tokens here, too; what ``explicit`` says of them
      // comes to it too late.
      extra = legacyExtra
      for (key, _) in defaults { extra += specific.filter { $0.role == key }.map(\.value) }
    }
    useListedForms()
    for (role, value) in explicit { add(value, role) }
    for (key, content) in defaults where Self.roles.contains(key) && named[key] == nil {
      named[key] = .some(.text(content))
    }
  }

  /// The text of the token of a role; nil where there is none.
  subscript(role: String) -> String? {
    (named[role] ?? nil).map(\.content).flatMap { $0.utf8.isEmpty ? nil : $0 }
  }

  /// The token of a role as the vocabulary holds it.
  func added(_ role: String, _ description: TokenizerDescription) -> AddedToken? {
    guard let content = self[role] else { return nil }
    return description.addedTokens.first { $0.content.utf8.elementsEqual(content.utf8) }
  }
}

extension SpecialTokens {
  private static func value(
    _ json: JSONValue, _ key: String, special: Bool = false, _ reader: ComponentReader
  ) throws(TextError) -> Value? {
    switch json {
    case .null: return nil
    case .string(let text): return .text(text)
    case .object:
      var form = try AddedTokenForm(json: json, in: key, special: special, reader: reader)
      form.isUnread = json["__type"] != nil
      return .token(form)
    default:
      throw reader.invalid(
        key, json, expected: "a token's text, an object with its content, or null")
    }
  }

  private static func isSpecific(_ key: String) -> Bool {
    key.hasSuffix("_token") && !roles.contains(key)
  }

  private mutating func readRoles(
    _ settings: JSONObject, _ reader: ComponentReader
  ) throws(TextError) {
    for role in Self.roles {
      if let json = settings[role] { named[role] = .some(try Self.value(json, role, reader)) }
    }
    // Objects are read later than texts, and so come first.
    var texts: [(role: String, value: Value)] = []
    for member in settings.members where Self.isSpecific(member.key) {
      switch member.value {
      case .string(let text): texts.append((member.key, .text(text)))
      case .object where member.value["__type"] == "AddedToken":
        add(try Self.value(member.value, member.key, reader), member.key)
      default: continue
      }
    }
    for key in [Self.extraKey, "model_specific_special_tokens"] {
      guard case .object(let object)? = settings[key] else { continue }
      for member in object.members {
        let value = try Self.value(member.value, "\(key).\(member.key)", reader)
        if let value { texts.append((member.key, value)) }
      }
    }
    explicit = texts
  }

  /// Sets the token of a role that only this model has; null takes it away.
  private mutating func add(_ value: Value?, _ role: String) {
    guard let value else { return specific.removeAll { $0.role == role } }
    if let place = specific.firstIndex(where: { $0.role == role }) {
      specific[place].value = value
    } else {
      specific.append((role, value))
    }
  }

  private mutating func readExtra(
    _ settings: JSONObject, _ reader: ComponentReader
  ) throws(TextError) {
    let legacy = try Self.list(settings, Self.legacyKey, reader)
    switch settings[Self.extraKey] {
    // Tokens with roles of their own.
    case .object(let object)? where !object.members.isEmpty: legacyExtra = legacy ?? []
    case .object?:
      (extra, knowsExtra) = (legacy ?? [], settings[Self.legacyKey] != nil)
    default:
      let list = try Self.list(settings, Self.extraKey, reader) ?? []
      extra = list.isEmpty ? legacy ?? [] : list
      knowsExtra = settings[Self.extraKey] != nil || settings[Self.legacyKey] != nil
    }
  }

  private static let extraKey = "extra_special_tokens"
  private static let legacyKey = "additional_special_tokens"

  /// The tokens of a key; nil where it is null or missing.
  private static func list(
    _ object: JSONObject, _ key: String, special: Bool = false, _ reader: ComponentReader
  ) throws(TextError) -> [Value]? {
    switch object[key] {
    case nil, .null?: return nil
    case .array(let list)?: return try values(list, key, special: special, reader)
    case let value?: throw reader.invalid(key, value, expected: "an array of tokens, or null")
    }
  }

  private static func values(
    _ list: [JSONValue], _ key: String, special: Bool = false, _ reader: ComponentReader
  ) throws(TextError) -> [Value] {
    try list.enumerated().map { place, json throws(TextError) in
      guard let value = try Self.value(json, "\(key)[\(place)]", special: special, reader) else {
        throw reader.invalid("\(key)[\(place)]", json, expected: "a token")
      }
      return value
    }
  }

  private mutating func readDecoder(
    _ decoder: JSONValue, _ reader: ComponentReader
  ) throws(TextError) {
    guard case .object(let object) = decoder else {
      throw reader.invalid("added_tokens_decoder", decoder, expected: "an object of tokens by id")
    }
    for member in object.members {
      guard let index = Int(member.key) else {
        throw reader.invalid("added_tokens_decoder", .string(member.key), expected: "ids as keys")
      }
      let form = try AddedTokenForm(
        json: member.value, in: "added_tokens_decoder['\(index)']", reader: reader)
      listed.append((index, form))
    }
  }

  /// What `special_tokens_map.json` says counts more than `tokenizer_config.json`.
  private mutating func readMap(_ folder: TokenizerFolder) throws(TextError) {
    let file = folder.url.appendingPathComponent(TokenizerFolder.specialTokensName)
    let reader = ComponentReader(subject: file.path)
    for member in folder.specialTokensMap?.members ?? [] {
      let (key, json) = (member.key, member.value)
      if Self.roles.contains(key) {
        named[key] = .some(try Self.value(json, key, special: true, reader))
      } else if Self.isSpecific(key) {
        add(try Self.value(json, key, special: true, reader), key)
      } else if key == Self.legacyKey, case .array(let list) = json {
        legacyExtra = try Self.values(list, key, special: true, reader)
      } else if key == Self.extraKey, case .array(let list) = json {
        knowsExtra = true
        for value in try Self.values(list, key, special: true, reader)
        where !extra.contains(where: { $0.isSame(as: value) }) { extra.append(value) }
      }
    }
  }

  /// Reads `added_tokens.json`; its tokens are special where a role or the extra ones name them.
  private mutating func readAddedTokens(_ folder: TokenizerFolder) throws(TextError) {
    let file = folder.url.appendingPathComponent(TokenizerFolder.addedTokensName)
    let reader = ComponentReader(subject: file.path)
    let special = Set(
      (named.values.compactMap { $0 } + extra).filter { !$0.isUnread }
        .map { Array($0.content.utf8) })
    for member in folder.addedTokens?.members ?? [] {
      guard let index = member.value.integer else {
        throw reader.invalid("'\(member.key)'", member.value, expected: "the token's id")
      }
      var form = AddedTokenForm(
        member.key, isSpecial: special.contains(Array(member.key.utf8)))
      form.matchesNormalized = !form.isSpecial
      listed.append((index, form))
    }
  }

  /// A token of a role that is listed, too, is what the list says.
  private mutating func useListedForms() {
    // Of entries with one index the last counts.
    var byIndex: [Int: AddedTokenForm] = [:]
    var forms: [[UInt8]: AddedTokenForm] = [:]
    for entry in listed {
      byIndex[entry.index] = entry.form
      forms[Array(entry.form.content.utf8)] = entry.form
    }
    listed = byIndex.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    for (role, value) in named {
      guard let value, let form = forms[Array(value.content.utf8)] else { continue }
      named[role] = .some(.token(form))
    }
  }
}
