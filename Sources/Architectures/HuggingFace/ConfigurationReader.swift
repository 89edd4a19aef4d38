// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// Reads the members of a `config.json` with errors that name file, key, value and what was expected.
struct ConfigurationReader {
  let file: String
  let object: JSONObject
  /// Keys on the way to `object`, with a dot after each.
  var path = ""
  /// What keys mean that are not there.
  var defaults: [String: ConfigurationValue] = [:]
  /// Keys by another name, which count before their own.
  var aliases: [String: String] = [:]
  /// The keys that may be null; nil for all.
  var nullable: Set<String>?

  /// A reader of a file that a family's configuration class reads.
  init(file: String, object: JSONObject, family: DecoderFamily) {
    self.init(file: file, object: object)
    defaults = family.keys.defaults
    aliases = family.keys.aliases
    nullable = family.keys.nullable.map {
      DecoderConfigurationKeys.nullableEverywhere.union($0)
    }
  }

  init(file: String, object: JSONObject, path: String = "") {
    self.file = file
    self.object = object
    self.path = path
  }

  /// Whether the key has a value other than null, be it in the file or by default.
  func has(_ key: String) -> Bool { (found(key) ?? defaults[key]?.json ?? .null) != .null }

  /// Whether the file has the key, with whatever value.
  func holds(_ key: String) -> Bool { found(key) != nil }

  func integer(_ key: String, default fallback: Int? = nil) throws -> Int {
    try optionalInteger(key) ?? fallback ?? missing(key)
  }

  /// A whole number; nil for null, where that may be, and where the key is missing.
  func optionalInteger(_ key: String) throws -> Int? {
    try read(key, "a whole number", \.integer)
  }

  func number(_ key: String, default fallback: Double? = nil) throws -> Double {
    try read(key, "a number") { value -> Double? in
      value.double.flatMap { $0.isFinite ? $0 : nil }
    } ?? fallback
      ?? missing(key)
  }

  func boolean(_ key: String, default fallback: Bool) throws -> Bool {
    try read(key, "true or false") { $0.flag }
      ?? fallback
  }

  func string(_ key: String, default fallback: String? = nil) throws -> String {
    try read(key, "a string", \.text) ?? fallback ?? missing(key)
  }

  /// The strings of a list; none where the key is missing or null.
  func strings(_ key: String) throws -> [String] {
    let list = try read(key, "a list") { $0.list } ?? []
    return try list.enumerated().map { index, element in
      guard let text = element.text else {
        throw wrong("\(key)[\(index)]", element, expected: "a string")
      }
      return text
    }
  }

  /// The members of an object, or nil where the key is missing or null.
  func members(_ key: String) throws -> ConfigurationReader? {
    let object = try read(key, "an object") { $0.members }
    return object.map {
      var reader = ConfigurationReader(file: file, object: $0, path: "\(path)\(key).")
      reader.nullable = []
      return reader
    }
  }

  /// One token id, or a list of them.
  func tokens(_ key: String) throws -> [Int] {
    try read(key, "a token id or a list of them") { value -> [Int]? in
      let elements = value.list ?? [value]
      let ids = elements.compactMap(\.integer)
      return ids.count == elements.count ? ids : nil
    } ?? []
  }

  /// Refuses a switch that the program does not compute.
  func require(_ key: String, _ expected: Bool) throws {
    let value = try boolean(key, default: expected)
    guard value == expected else {
      throw unsupported(key, .boolean(value), expected: "\(expected)")
    }
  }

  /// Refuses a key that is there at all.
  func requireAbsent(_ key: String) throws {
    if let value = try value(key) {
      throw unsupported(key, value, expected: "null, or no such key")
    }
  }

  func unsupported(_ key: String, _ value: JSONValue, expected: String) -> ArchitecturesError {
    failure(.unsupportedFeature, key, "\(value.excerpt) is not supported; expected \(expected)")
  }

  func wrong(_ key: String, _ value: JSONValue, expected: String) -> ArchitecturesError {
    failure(.malformedFile, key, "\(value.excerpt) is not \(expected)")
  }

  func failure(
    _ code: ArchitecturesError.Code, _ key: String, _ message: String
  ) -> ArchitecturesError {
    ArchitecturesError(code, "\(path)\(key): \(message)", subject: file)
  }

  /// What a value says; nil for null, where that may be, and where the key is missing.
  private func read<Value>(
    _ key: String, _ expected: String, _ take: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let value = try value(key) else { return nil }
    guard let taken = take(value) else { throw wrong(key, value, expected: expected) }
    return taken
  }

  private func missing<Value>(_ key: String) throws -> Value {
    throw failure(.malformedFile, key, "the key is missing")
  }

  /// What the file says under the key or another name of it.
  private func found(_ key: String) -> JSONValue? {
    let alias = aliases.first { $0.value == key && object[$0.key] != nil }?.key
    return object[alias ?? key]
  }

  /// The value in the file, or else the default; nil for null and where there is none.
  private func value(_ key: String) throws -> JSONValue? {
    guard let value = found(key) else {
      return defaults[key].flatMap { $0 == .null ? nil : $0.json }
    }
    guard value == .null else { return value }
    guard nullable?.contains(key) ?? true else {
      let standard = defaults[key].map { ", which means \($0.json.excerpt)" } ?? ""
      throw failure(
        .malformedFile, key,
        "null stands where a value is missing; give one, or leave the key out\(standard)")
    }
    return nil
  }
}

extension JSONValue {
  fileprivate var flag: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
  fileprivate var list: [JSONValue]? { if case .array(let list) = self { list } else { nil } }
  fileprivate var members: JSONObject? {
    if case .object(let object) = self { object } else { nil }
  }

  /// The value as it would be written, shortened, for messages.
  var excerpt: String {
    let text: String =
      switch self {
      case .array: "a list"
      case .object: "an object"
      default: String(decoding: encoded(.compact), as: UTF8.self)
      }
    return text.count > 60 ? text.prefix(57) + "…" : text
  }
}
