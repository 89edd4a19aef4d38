// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// A value of a `config.json`, as a family's description names it.
public enum ConfigurationValue: Sendable, Hashable {
  /// `null`.
  case null
  /// `true` or `false`.
  case boolean(Bool)
  /// A whole number.
  case integer(Int)
  /// A real number that is no whole one, as ``init(_:)`` tells them apart.
  case number(Double)
  /// A text.
  case text(String)

  /// A number; files do not tell a whole one's form, so that 1.0 is 1.
  public init(_ value: Double) {
    self = Int(exactly: value).map { .integer($0) } ?? .number(value)
  }

  /// The value as a file holds it.
  var json: JSONValue {
    switch self {
    case .null: .null
    case .boolean(let value): .boolean(value)
    case .integer(let value): JSONValue(value)
    case .number(let value): JSONValue(value)
    case .text(let value): .string(value)
    }
  }
}

extension ConfigurationValue: Codable {
  /// Reads a value of any of the kinds.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .boolean(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self.init(value)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  /// Writes the value itself.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .boolean(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    }
  }
}

extension ConfigurationValue: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .boolean(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A real number.
  public init(floatLiteral value: Double) { self.init(value) }
  /// A text.
  public init(stringLiteral value: String) { self = .text(value) }
}
