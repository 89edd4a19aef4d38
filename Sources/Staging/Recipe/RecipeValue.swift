// SPDX-License-Identifier: Apache-2.0
import Yams

/// One value of a recipe, which knows its key path and line for messages.
///
/// Types are strict: `"8"` in quotes is text, not a number; `8.0` is not an integer.
struct RecipeValue {
  let document: RecipeDocument
  let path: [String]
  let node: Node

  /// The text of a plain or quoted scalar; nil for lists, groups and empty values.
  private var scalar: Node.Scalar? {
    guard case .scalar(let scalar) = node, !isEmpty else { return nil }
    return scalar
  }

  /// The text of a scalar without quotes, which may be a number or a word.
  private var plain: String? {
    guard let scalar, scalar.style == .plain || scalar.style == .any else { return nil }
    return scalar.string
  }

  private var isEmpty: Bool {
    guard case .scalar(let scalar) = node else { return false }
    let isPlain = scalar.style == .plain || scalar.style == .any
    return isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// Whether the value is this word, as `none` switches a part off.
  func isWord(_ word: String) -> Bool { plain == word }

  /// Whether the value is a group of keys.
  var isMapping: Bool { node.mapping != nil }

  /// Whether the value is a list.
  var isList: Bool { node.sequence != nil }

  /// An integer within a range.
  func integer(in range: ClosedRange<Int>) throws -> Int {
    let expected = "an integer \(Self.describe(range))"
    guard let plain, let value = Int(plain.replacing("_", with: "")) else {
      throw mismatch(expected)
    }
    guard range.contains(value) else { throw invalid(expected) }
    return value
  }

  /// An unsigned integer of 64 bits.
  func unsigned() throws -> UInt64 {
    guard let plain, let value = UInt64(plain.replacing("_", with: "")) else {
      throw mismatch("an integer from 0 to \(UInt64.max)")
    }
    return value
  }

  /// A finite number that meets a condition, which `expected` describes.
  func number(_ expected: String, where condition: (Double) -> Bool) throws -> Double {
    guard let plain, let value = Double(plain.replacing("_", with: "")), value.isFinite else {
      throw mismatch(expected)
    }
    guard condition(value) else { throw invalid(expected) }
    return value
  }

  /// A number above zero.
  func positiveNumber() throws -> Double { try number("a number above 0") { $0 > 0 } }

  /// A share, `from` included: 0.1 or 10%.
  func fraction(_ expected: String, where condition: (Double) -> Bool) throws -> Double {
    if let plain, plain.hasSuffix("%"), let percent = Double(plain.dropLast()) {
      guard percent.isFinite, condition(percent / 100) else { throw invalid(expected) }
      return percent / 100
    }
    return try number(expected, where: condition)
  }

  /// True or false.
  func flag() throws -> Bool {
    switch plain {
    case "true": true
    case "false": false
    default: throw mismatch("true or false")
    }
  }

  /// Text that is not empty, quoted or not.
  func text(_ expected: String) throws -> String {
    guard let scalar else { throw mismatch(expected) }
    guard !scalar.string.isEmpty else { throw invalid(expected) }
    return scalar.string
  }

  /// One of an enumeration's names.
  func choice<Choice>(_ type: Choice.Type = Choice.self) throws -> Choice
  where Choice: RawRepresentable<String> & CaseIterable {
    let names = Choice.allCases.map(\.rawValue)
    let expected = "one of \(names.joined(separator: ", "))"
    guard let scalar else { throw mismatch(expected) }
    guard let choice = Choice(rawValue: scalar.string) else {
      throw invalid(expected, meant: NearestName.of(scalar.string, among: names))
    }
    return choice
  }

  /// The elements of a list; a single value stands for a list of one.
  func list(_ expected: String) throws -> [RecipeValue] {
    if let sequence = node.sequence {
      guard !sequence.isEmpty else { throw invalid(expected) }
      return sequence.enumerated().map {
        RecipeValue(document: document, path: path + ["[\($0.offset)]"], node: $0.element)
      }
    }
    guard scalar != nil else { throw mismatch(expected) }
    return [self]
  }

  /// The group of keys, none of which may be unknown.
  func mapping(keys: [String]) throws -> RecipeMapping { try RecipeMapping(self, keys: keys) }
}

extension RecipeValue {
  /// The error for a value of another type.
  func mismatch(_ expected: String) -> StagingError {
    StagingError(.wrongType, "\(shown); expected \(expected)", subject: subject)
  }

  /// The error for a value that is out of range, unknown or contradictory.
  func invalid(_ expected: String, meant: String? = nil) -> StagingError {
    let suggestion = meant.map { "; did you mean \($0)?" } ?? ""
    return StagingError(
      .invalidValue, "\(shown); expected \(expected)\(suggestion)", subject: subject)
  }

  /// The error for a value that is well formed but does not fit the rest.
  func conflict(_ message: String) -> StagingError {
    StagingError(.invalidValue, message, subject: subject)
  }

  /// File and line, or the override, and the key path.
  var subject: String {
    let source = document.source(of: path, at: node.mark)
    return path.isEmpty ? source : "\(source): \(Self.describe(path))"
  }

  /// The key path as people write it: `data.train[1]`.
  static func describe(_ path: [String]) -> String {
    path.reduce(into: "") { $0 += $0.isEmpty || $1.hasPrefix("[") ? $1 : ".\($1)" }
  }

  private var shown: String {
    switch node {
    case .mapping: return "this is a group of keys"
    case .sequence(let sequence): return sequence.isEmpty ? "the list is empty" : "this is a list"
    case .alias: return "this is an alias"
    case .scalar(let scalar):
      if isEmpty { return "there is no value" }
      return plain == nil ? "got the text \"\(scalar.string)\"" : "got \(scalar.string)"
    }
  }

  private static func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == Int.max
      ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
  }
}
