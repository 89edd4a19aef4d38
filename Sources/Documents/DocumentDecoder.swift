// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import OrderedJSON
import Wording

/// Decodes types out of a document's value, with errors that name the place.
struct DocumentDecoder: Decoder {
  let value: JSONValue
  let path: DocumentPath
  var userInfo: [CodingUserInfoKey: Any] { [:] }
  var codingPath: [any CodingKey] { path.keys }

  init(_ value: JSONValue, at path: DocumentPath) {
    self.value = value
    self.path = path
  }

  /// The value as a type.
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    do { return try Value(from: self) } catch let error as DecodingError {
      guard let names = Self.names(of: type), case .string = value else {
        throw DocumentError(error)
      }
      throw DocumentError(
        value, at: path, .invalidValue, expected: "one of \(names.joined(separator: ", "))")
    }
  }

  /// The texts that stand for an enumeration's cases; nil for any other type.
  private static func names(of type: Any.Type) -> [String]? {
    func names<Choice: CaseIterable>(_ type: Choice.Type) -> [String] {
      Choice.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    }
    let result = (type as? any CaseIterable.Type).map { names($0) } ?? []
    return result.isEmpty ? nil : result
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let object) = value else { throw mismatch("a group of keys") }
    return KeyedDecodingContainer(Members(object: object, path: path))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .array(let elements) = value else { throw mismatch("a list") }
    return Elements(elements: elements, path: path)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func mismatch(_ expected: String) -> DocumentError {
    DocumentError(value, at: path, expected: expected)
  }

  func integer<Integer: FixedWidthInteger>() throws -> Integer {
    guard case .number(let spelling) = value else { throw mismatch("an integer") }
    if let integer = Integer(spelling) { return integer }
    // As 1.0 and 1e3, which other programs write.
    if let double = Double(spelling), let integer = Integer(exactly: double) { return integer }
    let isWhole = Double(spelling).map { $0.rounded() == $0 } ?? false
    let range = isWhole ? " from \(Integer.min) to \(Integer.max)" : ""
    throw mismatch("an integer\(range)")
  }

  func real<Real: LosslessStringConvertible & BinaryFloatingPoint>() throws -> Real {
    guard case .number(let spelling) = value else { throw mismatch("a number") }
    guard let real = Real(spelling), real.isFinite else { throw mismatch("a finite number") }
    return real
  }
}

extension DocumentDecoder: SingleValueDecodingContainer {
  func decodeNil() -> Bool { value == .null }

  func decode(_ type: Bool.Type) throws -> Bool {
    guard case .boolean(let flag) = value else { throw mismatch("true or false") }
    return flag
  }

  func decode(_ type: String.Type) throws -> String {
    guard case .string(let text) = value else { throw mismatch("text") }
    return text
  }

  func decode(_ type: Double.Type) throws -> Double { try real() }
  func decode(_ type: Float.Type) throws -> Float { try real() }
  func decode(_ type: Int.Type) throws -> Int { try integer() }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
  func decode(_ type: UInt.Type) throws -> UInt { try integer() }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }
}

/// The members of a group of keys.
private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let object: JSONObject
  let path: DocumentPath
  /// The members by their keys, where there are so many that a search would be slow.
  private let places: [String: JSONValue]?

  init(object: JSONObject, path: DocumentPath) {
    self.object = object
    self.path = path
    places =
      object.members.count <= 32
      ? nil
      : Dictionary(object.members.map { ($0.key, $0.value) }) { $1 }
  }

  var codingPath: [any CodingKey] { path.keys }
  var allKeys: [Key] { object.members.compactMap { Key(stringValue: $0.key) } }

  private func value(_ key: Key) -> JSONValue? {
    places.map { $0[key.stringValue] } ?? object[key.stringValue]
  }

  private func decoder(_ key: Key) throws -> DocumentDecoder {
    let place = path.appending(key.stringValue)
    guard let value = value(key) else { throw DocumentError(missing: place) }
    return DocumentDecoder(value, at: place)
  }

  func contains(_ key: Key) -> Bool { value(key) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).decodeNil() }
  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try decoder(key).decode(type)
  }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try decoder(key).decode(type)
  }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder(key).decode(type) }
  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try decoder(key).decode(type)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> { try decoder(key).container(keyedBy: type) }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try decoder(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder {
    DocumentDecoder(object["super"] ?? .null, at: path.appending("super"))
  }

  func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
}

/// The elements of a list, one after the other.
private struct Elements: UnkeyedDecodingContainer {
  let elements: [JSONValue]
  let path: DocumentPath
  private(set) var currentIndex = 0

  init(elements: [JSONValue], path: DocumentPath) {
    self.elements = elements
    self.path = path
  }

  var codingPath: [any CodingKey] { path.keys }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  private func decoder() throws -> DocumentDecoder {
    let place = path.appending(currentIndex)
    guard !isAtEnd else {
      throw DocumentError(.wrongType, "the list ends here", subject: "\(place)")
    }
    return DocumentDecoder(elements[currentIndex], at: place)
  }

  private mutating func taking<Result>(_ body: (DocumentDecoder) throws -> Result) throws -> Result
  {
    let result = try body(decoder())
    currentIndex += 1
    return result
  }

  mutating func decodeNil() throws -> Bool {
    guard try decoder().decodeNil() else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try taking { try $0.decode(type) }
  }

  mutating func nestedContainer<Key: CodingKey>(
    keyedBy type: Key.Type
  ) throws -> KeyedDecodingContainer<Key> { try taking { try $0.container(keyedBy: type) } }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try taking { try $0.unkeyedContainer() }
  }

  mutating func superDecoder() throws -> any Decoder { try taking { $0 } }
}

/// A key or an index on the way to a value, as `Codable` has them.
struct DocumentKey: CodingKey {
  var stringValue: String
  var intValue: Int?

  init(_ key: String) { stringValue = key }
  init(stringValue: String) { self.init(stringValue) }
  init(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}

extension DocumentPath {
  /// The path as `Codable` has it.
  var keys: [any CodingKey] {
    switch self {
    case .root: []
    case .key(let parent, let key): parent.keys + [DocumentKey(key)]
    case .index(let parent, let index): parent.keys + [DocumentKey(intValue: index)]
    }
  }

  init(_ keys: [any CodingKey]) {
    self = keys.reduce(.root) { path, key in
      key.intValue.map(path.appending) ?? path.appending(key.stringValue)
    }
  }
}

extension DocumentError {
  /// What a type's own decoding says.
  init(_ error: DecodingError) {
    switch error {
    case .dataCorrupted(let context):
      self.init(
        .invalidValue, context.debugDescription.excerpt,
        subject: DocumentPath(context.codingPath).description)
    case .keyNotFound(let key, let context):
      self.init(missing: DocumentPath(context.codingPath + [key]))
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      self.init(
        .wrongType, "another value is expected here",
        subject: DocumentPath(context.codingPath).description)
    @unknown default: self.init(.wrongType, "is not of the expected form", subject: "")
    }
  }
}
