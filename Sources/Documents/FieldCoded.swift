// SPDX-License-Identifier: Apache-2.0

/// A type whose fields in documents are declared once, in the order in which they are written.
///
///     extension Blend: FieldCoded {
///       init(_ fields: FieldCoder, of old: Blend?) throws {
///         lower = try fields.required("lower", old?.lower)
///         fraction = try fields.field("fraction", old?.fraction, default: 1)
///       }
///     }
///
/// The initializer reads a value where `old` is nil. Else it writes `old`, and makes a copy of it.
package protocol FieldCoded: Codable {
  /// Reads or writes all fields.
  init(_ fields: FieldCoder, of old: Self?) throws
}

extension FieldCoded {
  /// Reads the fields that the type declares.
  public init(from decoder: any Decoder) throws {
    try self.init(try FieldCoder(reading: decoder), of: nil)
  }

  /// Writes the fields that the type declares.
  public func encode(to encoder: any Encoder) throws {
    _ = try Self(FieldCoder(writing: encoder), of: self)
  }
}

/// Reads or writes the fields of one value.
package final class FieldCoder {
  private enum Side {
    case reading(KeyedDecodingContainer<DocumentKey>, any Decoder)
    case writing(KeyedEncodingContainer<DocumentKey>, any Encoder)
  }

  private let side: Side
  /// The keys that were asked for.
  private var asked: [String] = []

  /// Takes fields out of a decoder.
  package init(reading decoder: any Decoder) throws {
    side = .reading(try decoder.container(keyedBy: DocumentKey.self), decoder)
  }

  /// Puts fields into an encoder.
  package init(writing encoder: any Encoder) {
    side = .writing(encoder.container(keyedBy: DocumentKey.self), encoder)
  }

  /// Whether fields are read.
  package var isReading: Bool { if case .reading = side { true } else { false } }

  /// A field that is always there.
  package func required<Value: Codable>(_ key: String, _ old: Value?) throws -> Value {
    if case .reading(let container, _) = side {
      asked.append(key)
      return try container.decode(Value.self, forKey: DocumentKey(key))
    }
    guard let old else { throw failure(key, "there is no value to be written") }
    try write(old, key)
    return old
  }

  /// A field that may be missing; nil is left out.
  package func optional<Value: Codable>(_ key: String, _ old: Value?) throws -> Value? {
    if case .reading(let container, _) = side {
      asked.append(key)
      return try container.decodeIfPresent(Value.self, forKey: DocumentKey(key))
    }
    if let old { try write(old, key) }
    return old
  }

  /// A field that is left out where it has its usual value.
  package func field<Value: Codable & Equatable>(
    _ key: String, _ old: Value?, default usual: Value
  ) throws -> Value {
    try optional(key, old == usual ? nil : old) ?? usual
  }

  /// A field that is always written, and has its usual value where it is missing.
  package func given<Value: Codable>(
    _ key: String, _ old: Value?, default usual: @autoclosure () -> Value
  ) throws -> Value {
    isReading ? try optional(key, old) ?? usual() : try required(key, old)
  }

  /// A field that is always written, as `null` where there is none, and has its usual value where it is
  /// missing.
  package func explicit<Value: Codable>(
    _ key: String, _ old: Value??, default usual: Value?
  ) throws -> Value? {
    if isReading {
      let value: Value? = try optional(key, nil)
      return has(key) ? value : usual
    }
    try write(old ?? nil, key)
    return old ?? nil
  }

  /// Refuses keys that nobody has asked for, so that a misspelt one is not passed over.
  package func refuseOthers() throws {
    for key in keys where !asked.contains(key) {
      throw failure(key, "is no key here; expected one of \(asked.joined(separator: ", "))")
    }
  }

  /// A whole number in a range.
  package func integer(_ key: String, _ old: Int?, in range: ClosedRange<Int>) throws -> Int {
    try checked(key, try required(key, old), in: range, kind: "an integer")
  }

  /// A whole number in a range; nil where it is missing or null.
  package func optionalInteger(
    _ key: String, _ old: Int?, in range: ClosedRange<Int>
  ) throws -> Int? {
    try optional(key, old).map { try checked(key, $0, in: range, kind: "an integer") }
  }

  /// A number in a range.
  package func number(_ key: String, _ old: Double?, in range: ClosedRange<Double>) throws -> Double
  {
    try checked(key, try required(key, old), in: range, kind: "a number")
  }

  /// A number in a range; nil where it is missing or null.
  package func optionalNumber(
    _ key: String, _ old: Double?, in range: ClosedRange<Double>
  ) throws -> Double? {
    try optional(key, old).map { try checked(key, $0, in: range, kind: "a number") }
  }

  /// A value that was read, where it is in its range; one that is written may be what it is.
  private func checked<Value>(
    _ key: String, _ value: Value, in range: ClosedRange<Value>, kind: String
  ) throws -> Value {
    guard !isReading || range.contains(value) else {
      throw failure(
        key, "got \(value); expected \(kind) from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// The keys that are there to be read.
  package var keys: [String] {
    if case .reading(let container, _) = side { container.allKeys.map(\.stringValue) } else { [] }
  }

  /// A field that is written for people and never read.
  package func remark(_ key: String, _ value: @autoclosure () -> (some Encodable)?) throws {
    guard !isReading, let value = value() else { return }
    try write(value, key)
  }

  /// A value whose fields stand among this one's.
  package func inline<Value: FieldCoded>(_ old: Value?) throws -> Value {
    try Value(self, of: old)
  }

  /// A value whose members stand among this one's fields, whatever codes it.
  package func beside<Value: Codable>(_ old: Value?) throws -> Value {
    switch side {
    case .reading(_, let decoder): return try Value(from: decoder)
    case .writing(_, let encoder):
      guard let old else { throw failure("", "there is no value to be written") }
      try old.encode(to: encoder)
      return old
    }
  }

  /// Whether a key is there; always true of a value that is written.
  package func has(_ key: String) -> Bool {
    guard case .reading(let container, _) = side else { return true }
    return container.contains(DocumentKey(key))
  }

  /// An error about a field.
  package func failure(_ key: String, _ message: String) -> any Error {
    let path: [any CodingKey] =
      switch side {
      case .reading(let container, _): container.codingPath
      case .writing(let container, _): container.codingPath
      }
    let context = DecodingError.Context(
      codingPath: path + [DocumentKey(key)], debugDescription: message)
    return DecodingError.dataCorrupted(context)
  }

  private func write(_ value: some Encodable, _ key: String) throws {
    guard case .writing(var container, _) = side else { return }
    if let members = value as? any KeyedByText {
      try container.encode(SortedMembers(members: members), forKey: DocumentKey(key))
    } else {
      try container.encode(value, forKey: DocumentKey(key))
    }
  }
}

extension FieldCoder {
  /// One of a type's cases, each of which has a key of its own.
  package struct Alternative<Value> {
    let key: String
    let read: (FieldCoder) throws -> Value
    let write: (FieldCoder, Value) throws -> Bool

    /// The case with a payload that stands under the key.
    package init<Payload: Codable>(
      _ key: String, _ make: @escaping (Payload) -> Value, _ take: @escaping (Value) -> Payload?
    ) {
      self.key = key
      read = { make(try $0.required(key, nil)) }
      write = { fields, value in try fields.optional(key, take(value)) != nil }
    }
  }

  /// The one of several cases whose key is there.
  ///
  /// - Parameter otherwise: the cases without a payload, by the name that stands under the last key.
  package func one<Value: Equatable>(
    of alternatives: [Alternative<Value>], or key: String,
    _ names: KeyValuePairs<String, Value>, _ old: Value?
  ) throws -> Value {
    if let old {
      for alternative in alternatives where try alternative.write(self, old) { return old }
      try remark(key, names.first { $0.value == old }?.key)
      return old
    }
    if let found = alternatives.first(where: { has($0.key) }) { return try found.read(self) }
    if !has(key), let first = alternatives.first {
      let others = alternatives.dropFirst().map(\.key) + [key]
      throw failure(
        first.key,
        "this key is missing; expected it, or in its place \(others.joined(separator: " or "))")
    }
    let name: String = try required(key, nil)
    guard let value = names.first(where: { $0.key == name })?.value else {
      throw failure(
        key,
        "\"\(name.prefix(40))\" is unknown; expected one of \(names.map(\.key).joined(separator: ", "))"
      )
    }
    return value
  }
}
