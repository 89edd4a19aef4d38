// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording

/// Makes a document's value of types, members in the order in which they are written.
final class DocumentEncoder: Encoder {
  /// What was written so far.
  private var content: Content = .none
  let path: DocumentPath
  private let numbers: Document.Numbers
  var userInfo: [CodingUserInfoKey: Any] { [:] }
  var codingPath: [any CodingKey] { path.keys }

  private enum Content {
    case none
    case value(JSONValue)
    case members([(key: String, value: Part)])
    case elements([Part])
  }

  /// A value, or one that is being written.
  private enum Part {
    case value(JSONValue)
    case encoder(DocumentEncoder)

    var value: JSONValue {
      switch self {
      case .value(let value): value
      case .encoder(let encoder): encoder.value
      }
    }
  }

  private init(at path: DocumentPath, _ numbers: Document.Numbers) {
    self.path = path
    self.numbers = numbers
  }

  /// A type's value.
  static func value(
    of value: some Encodable, at path: DocumentPath = .root, numbers: Document.Numbers
  ) throws -> JSONValue {
    let encoder = DocumentEncoder(at: path, numbers)
    if let members = value as? any KeyedByText {
      try members.encodeSorted(to: encoder)
    } else {
      try value.encode(to: encoder)
    }
    return encoder.value
  }

  /// An encoder of a part.
  private func encoder(at path: DocumentPath) -> DocumentEncoder {
    DocumentEncoder(at: path, numbers)
  }

  private func value(of value: some Encodable, at path: DocumentPath) throws -> JSONValue {
    try Self.value(of: value, at: path, numbers: numbers)
  }

  private var value: JSONValue {
    switch content {
    case .none: .object(JSONObject())
    case .value(let value): value
    case .members(let members):
      .object(JSONObject(members.map { .init(key: $0.key, value: $0.value.value) }))
    case .elements(let elements): .array(elements.map(\.value))
    }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if case .none = content { content = .members([]) }
    return KeyedEncodingContainer(Members(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    if case .none = content { content = .elements([]) }
    return Elements(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

  /// Writes a value as it is.
  func set(_ value: JSONValue) { content = .value(value) }

  private func set(_ part: Part, _ key: String) {
    guard case .members(var members) = content else { return }
    content = .none
    if let index = members.firstIndex(where: { $0.key == key }) {
      members[index].value = part
    } else {
      members.append((key, part))
    }
    content = .members(members)
  }

  private func append(_ part: Part) {
    guard case .elements(var elements) = content else { return }
    content = .none
    elements.append(part)
    content = .elements(elements)
  }

  private var count: Int { if case .elements(let elements) = content { elements.count } else { 0 } }

  /// Writes a real number.
  private func set<Real: BinaryFloatingPoint & CustomStringConvertible>(_ number: Real) throws {
    guard number.isFinite else {
      throw DocumentError(
        .invalidValue, "\(number) cannot be written; expected a finite number",
        subject: path.description)
    }
    let text = number.description
    let isTrimmed = numbers == .trimmed && text.hasSuffix(".0")
    set(.number(isTrimmed ? String(text.dropLast(2)) : text))
  }

  private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: DocumentEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil(forKey key: Key) { encoder.set(.value(.null), key.stringValue) }

    func encode(_ value: some Encodable, forKey key: Key) throws {
      let path = encoder.path.appending(key.stringValue)
      encoder.set(.value(try encoder.value(of: value, at: path)), key.stringValue)
    }

    private func nested(_ key: String) -> DocumentEncoder {
      let nested = encoder.encoder(at: encoder.path.appending(key))
      encoder.set(.encoder(nested), key)
      return nested
    }

    func nestedContainer<Nested: CodingKey>(
      keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { nested(key.stringValue).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      nested(key.stringValue).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { nested("super") }
    func superEncoder(forKey key: Key) -> any Encoder { nested(key.stringValue) }
  }

  private struct Elements: UnkeyedEncodingContainer {
    let encoder: DocumentEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }
    var count: Int { encoder.count }

    func encodeNil() { encoder.append(.value(.null)) }

    func encode(_ value: some Encodable) throws {
      let path = encoder.path.appending(count)
      encoder.append(.value(try encoder.value(of: value, at: path)))
    }

    private func nested() -> DocumentEncoder {
      let nested = encoder.encoder(at: encoder.path.appending(count))
      encoder.append(.encoder(nested))
      return nested
    }

    func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
      nested().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    func superEncoder() -> any Encoder { nested() }
  }

  private struct Single: SingleValueEncodingContainer {
    let encoder: DocumentEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    private func set(_ value: some BinaryInteger) { encoder.set(.number(String(value))) }

    func encodeNil() { encoder.set(.null) }
    func encode(_ value: Bool) { encoder.set(.boolean(value)) }
    func encode(_ value: String) { encoder.set(.string(value)) }
    func encode(_ value: Double) throws { try encoder.set(value) }
    func encode(_ value: Float) throws { try encoder.set(value) }
    func encode(_ value: Int) { set(value) }
    func encode(_ value: Int8) { set(value) }
    func encode(_ value: Int16) { set(value) }
    func encode(_ value: Int32) { set(value) }
    func encode(_ value: Int64) { set(value) }
    func encode(_ value: UInt) { set(value) }
    func encode(_ value: UInt8) { set(value) }
    func encode(_ value: UInt16) { set(value) }
    func encode(_ value: UInt32) { set(value) }
    func encode(_ value: UInt64) { set(value) }
    func encode(_ value: some Encodable) throws {
      encoder.set(try encoder.value(of: value, at: encoder.path))
    }
  }
}
