// SPDX-License-Identifier: Apache-2.0

/// A value as somebody wrote it, on a command line or in a file, before anybody knows what it is for.
public enum WrittenValue: Sendable, Hashable {
  /// A whole number.
  case integer(Int)
  /// Another finite number.
  case number(Double)
  /// Anything else of one piece: `interleaved`, `16:4`, `200 steps`.
  case word(String)
  /// Whole numbers.
  case list([Int])

  /// What an argument of a command line says: a number where it is one, else a word.
  public init(argument: String) {
    if let integer = Int(argument) {
      self = .integer(integer)
    } else if let number = Double(argument), number.isFinite {
      self = .number(number)
    } else {
      self = .word(argument)
    }
  }

  /// The whole number; nil for all else.
  var integer: Int? { if case .integer(let value) = self { value } else { nil } }

  /// The number, whole or not; nil for all else.
  var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .word, .list: nil
    }
  }

  /// What was written, as one word.
  public var text: String {
    switch self {
    case .integer(let value): "\(value)"
    case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
    case .word(let word): word
    case .list(let values): values.map(String.init).joined(separator: ",")
    }
  }

  /// One or two numbers, as `16:4`; nil where it is not that.
  var pair: (first: Int, second: Int?)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count <= 2, let first = parts.first ?? nil else { return nil }
    guard parts.count == 2 else { return (first, nil) }
    return parts[1].map { (first, $0) }
  }

  /// Whole numbers and ranges of them, as `0-5,2-7`, or a list; nil where it is not that.
  var indices: [Int]? {
    if case .list(let values) = self { return Self.check(values) }
    // A number in quotes is text, and no list.
    if case .word(let word) = self, Int(word) != nil { return nil }
    var values: [Int] = []
    for part in parts {
      guard let range = Self.range(part) else { return nil }
      values += range
      guard values.count <= Self.mostIndices else { return nil }
    }
    return values
  }

  /// What stands between commas.
  private var parts: [Substring] { text.split(separator: ",", omittingEmptySubsequences: false) }

  /// The first part of a list in text that is no index and no range of them, with its place from 1; nil
  /// where the value is no such list, or all parts are.
  public var badPart: (place: Int, text: String)? {
    guard case .word = self, parts.count > 1,
      let place = parts.firstIndex(where: { Self.range($0) == nil })
    else { return nil }
    return (place + 1, String(parts[place]))
  }

  /// An index, or a range as `2-7`; nil where the text is neither.
  private static func range(_ part: Substring) -> ClosedRange<Int>? {
    let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
      Int($0.filter { $0 != " " })
    }
    guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil,
      first >= 0, first <= last, last < mostIndices
    else { return nil }
    return first...last
  }

  private static let mostIndices = 1 << 16

  private static func check(_ values: [Int]) -> [Int]? {
    guard !values.isEmpty, values.count <= mostIndices else { return nil }
    return values.allSatisfy { (0..<mostIndices).contains($0) } ? values : nil
  }
}
