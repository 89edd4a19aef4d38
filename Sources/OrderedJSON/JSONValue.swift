// SPDX-License-Identifier: Apache-2.0

// Foundation's decoders lose what the files of models need kept: the order of keys, keys that stand
// twice, the spelling of numbers, and which of several equivalent spellings of a text was meant.

/// A JSON value that keeps the order of members and the spelling of numbers.
///
/// Texts are equal where their bytes are; Swift's own comparison of strings would hold spellings
/// equal that Unicode calls canonically equivalent, and a vocabulary must tell them apart.
public enum JSONValue: Sendable {
  /// `null`.
  case null
  /// `true` or `false`.
  case boolean(Bool)
  /// A number as it is spelled, also Python's `NaN`, `Infinity` and `-Infinity` where they are
  /// allowed.
  case number(String)
  /// A text, its escapes resolved.
  case string(String)
  /// Values in their order.
  case array([JSONValue])
  /// Members in their order.
  case object(JSONObject)

  /// A whole number.
  public init(_ value: Int) { self = .number(String(value)) }

  /// A real number, in the shortest spelling that reads back as the same.
  public init(_ value: Double) { self = .number("\(value)") }

  /// The number, where it is spelled as a whole one and fits; nil for any other value.
  public var integer: Int? {
    guard case .number(let spelling) = self else { return nil }
    return Int(spelling)
  }

  /// The number nearest to the spelled one, infinite beyond the range; nil for any other value.
  public var double: Double? {
    guard case .number(let spelling) = self else { return nil }
    return Double(spelling)
  }

  /// The text of a string; nil for any other value.
  public var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// The value of an object's member; nil where there is none, and for any other value.
  ///
  /// Of a key that stands twice it is the last value, as most readers have it.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let object) = self else { return nil }
    return object[key]
  }
}

extension JSONValue: Hashable {
  /// Whether two values are the same, members in the same order and numbers spelled alike.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.boolean(let left), .boolean(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.string(let left), .string(let right)): ExactText(left) == ExactText(right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    default: false
    }
  }

  /// Feeds the value to a hasher.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0)
    case .boolean(let value): hasher.combine(value)
    case .number(let spelling): hasher.combine(spelling)
    case .string(let text): hasher.combine(ExactText(text))
    case .array(let elements): hasher.combine(elements)
    case .object(let object): hasher.combine(object)
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  // Not by `nil`: in an optional value it could mean either `null` or none at all.

  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self.init(value) }
  /// Values in their order.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// Members in their order.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(JSONObject(elements.map { .init(key: $0.0, value: $0.1) }))
  }
}
