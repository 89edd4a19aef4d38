// SPDX-License-Identifier: Apache-2.0
import Documents
import Wording
import Yams

/// One value of a recipe, which knows its key path and line for messages.
///
/// Types are strict: `"8"` in quotes is text, not a number; `8.0` is not an integer. What cannot be
/// read is noted as a mistake (``RecipeFaults``) and read as some value of the right type, so that the
/// rest of the recipe is checked too.
struct RecipeValue {
  let document: RecipeDocument
  let path: [String]
  let node: Node
  /// Whether this stands for a value that is not there, whose absence is noted already.
  var isBlank = false

  /// The text of a plain or quoted scalar; nil for lists, groups and empty values.
  private var scalar: Node.Scalar? {
    node.isNull ? nil : node.scalar
  }

  /// The text of a scalar without quotes, which may be a number or a word.
  private var plain: String? { node.isNull ? nil : node.plainText }

  /// Whether the value is this word, as `none` switches a part off.
  func isWord(_ word: String) -> Bool { plain == word }

  /// Whether the value is a group of keys.
  var isMapping: Bool { node.mapping != nil }

  /// Whether the value is a list.
  var isList: Bool { node.sequence != nil }

  /// The elements of a list; none of anything else.
  var elements: [RecipeValue] {
    (node.sequence ?? []).enumerated().map {
      RecipeValue(document: document, path: path + ["[\($0.offset)]"], node: $0.element)
    }
  }

  /// Notes a mistake, unless the value is a blank.
  func note(_ error: StagingError) throws {
    if !isBlank { try document.faults.note(error) }
  }

  /// Notes a mistake and goes on with another value.
  private func noting<Value>(_ error: StagingError, insteadOf value: Value) throws -> Value {
    try note(error)
    return value
  }

  /// An integer within a range.
  func integer(in range: ClosedRange<Int>) throws -> Int {
    let expected = "an integer \(Self.describe(range))"
    guard let value = wholeNumberIfWellFormed else {
      return try noting(mismatch(expected), insteadOf: range.lowerBound)
    }
    guard range.contains(value) else {
      return try noting(invalid(expected), insteadOf: range.lowerBound)
    }
    return value
  }

  /// An unsigned integer of 64 bits.
  func unsigned() throws -> UInt64 {
    guard let value = plain.flatMap({ YAMLNumber.integer($0, as: UInt64.self) }) else {
      return try noting(mismatch("an integer from 0 to \(UInt64.max)"), insteadOf: 0)
    }
    return value
  }

  /// The whole number that the value says; nil where it says none.
  var wholeNumberIfWellFormed: Int? { plain.flatMap { YAMLNumber.integer($0, as: Int.self) } }

  /// The number that the value says; nil where it says none.
  var numberIfWellFormed: Double? { plain.flatMap(YAMLNumber.real) }

  /// The text that the value says; nil where it says none.
  var textIfWellFormed: String? { scalar?.string }

  /// A finite number that meets a condition, which `expected` describes.
  func number(_ expected: String, where condition: (Double) -> Bool) throws -> Double {
    guard let value = numberIfWellFormed else {
      return try noting(mismatch(expected), insteadOf: 0.5)
    }
    guard condition(value) else { return try noting(invalid(expected), insteadOf: 0.5) }
    return value
  }

  /// A number above zero.
  func positiveNumber() throws -> Double { try number("a number above 0") { $0 > 0 } }

  /// A share, `from` included: 0.1 or 10%.
  func fraction(_ expected: String, where condition: (Double) -> Bool) throws -> Double {
    if let plain, plain.hasSuffix("%"), let percent = Double(plain.dropLast()) {
      guard percent.isFinite, condition(percent / 100) else {
        return try noting(invalid(expected), insteadOf: 0.5)
      }
      return percent / 100
    }
    return try number(expected, where: condition)
  }

  /// True or false.
  func flag() throws -> Bool {
    switch plain {
    case "true", "True", "TRUE": return true
    case "false", "False", "FALSE": return false
    default: return try noting(mismatch("true or false"), insteadOf: false)
    }
  }

  /// Text that is not empty, quoted or not.
  func text(_ expected: String) throws -> String {
    guard let scalar else { return try noting(mismatch(expected), insteadOf: "?") }
    guard !scalar.string.isEmpty else { return try noting(invalid(expected), insteadOf: "?") }
    return scalar.string
  }

  /// One of an enumeration's names.
  func choice<Choice>(_ type: Choice.Type = Choice.self) throws -> Choice
  where Choice: RawRepresentable<String> & CaseIterable {
    let word = try word(of: Choice.allCases.map(\.rawValue))
    guard let choice = Choice(rawValue: word) else { throw mismatch("a word") }
    return choice
  }

  /// One of some words.
  func word(of words: [String]) throws -> String {
    let expected = "one of \(words.joined(separator: ", "))"
    guard let first = words.first else { throw mismatch(expected) }
    guard let scalar else { return try noting(mismatch(expected), insteadOf: first) }
    guard words.contains(scalar.string) else {
      let nearest = NearestName.of(String(scalar.string.prefix(64)), among: words)
      return try noting(invalid(expected, meant: nearest), insteadOf: first)
    }
    return scalar.string
  }

  /// The elements of a list; a single value stands for a list of one.
  func list(_ expected: String) throws -> [RecipeValue] {
    if isList {
      let elements = elements
      return elements.isEmpty ? try noting(invalid(expected), insteadOf: []) : elements
    }
    guard scalar != nil else { return try noting(mismatch(expected), insteadOf: []) }
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
    path.reduce(into: "") { text, key in
      let part = key.excerpt
      text += text.isEmpty || part.hasPrefix("[") ? part : ".\(part)"
    }
  }

  private var shown: String {
    switch node {
    case .mapping: return "this is a group of keys"
    case .sequence(let sequence): return sequence.isEmpty ? "the list is empty" : "this is a list"
    case .alias: return "this is an alias"
    case .scalar(let scalar):
      if node.isNull { return "there is no value" }
      return plain == nil
        ? "got the text \"\(scalar.string.excerpt)\"" : "got \(scalar.string.excerpt)"
    }
  }

  private static func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == Int.max
      ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
  }
}
