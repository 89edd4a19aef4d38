// SPDX-License-Identifier: Apache-2.0
import Wording

/// One thing that can be said of a growth: how it is spelled, what it takes, what it does.
///
/// Each operator declares its own beside itself. The command's options, the keys of a recipe's `grow`,
/// plans and the tables of the documentation all come from here.
public struct GrowthParameter: Sendable {
  /// What a parameter is about.
  public enum Group: String, Sendable, CaseIterable {
    /// What grows, and to which size.
    case size
    /// How that is done.
    case manner
    /// What becomes of the training.
    case training
  }

  /// How names and words are spelled.
  public enum Spelling: Sendable {
    /// As on a command line: `--head-size`, `identity-by-output`.
    case option
    /// As in recipes and plans: `headSize`, `identityByOutput`.
    case key
  }

  /// The key in a recipe.
  public let name: String
  /// Other keys that mean the same.
  public let aliases: [String]
  /// What it is about.
  public let group: Group
  /// What it does, in a sentence.
  public let summary: String
  /// What stands for its value in help: `count|list`; nil for its name.
  public let placeholder: String?
  /// The words that it takes, as keys; empty where it takes others as well.
  public let choices: [String]
  /// What it is where nothing is said; nil for nothing.
  public let defaultValue: WrittenValue?
  /// The names of the sizes without which it does nothing; empty where it never does nothing.
  public let speaksOf: [String]
  /// Whether it speaks of a growth straight to a model, too.
  public let speaksOfTarget: Bool

  private let expectation: @Sendable (Spelling) -> String
  private let read: @Sendable (WrittenValue, inout GrowthDescription) -> Bool
  private let write: @Sendable (GrowthDescription) -> WrittenValue?

  /// Declares a parameter.
  ///
  /// - Parameters:
  ///   - expectation: what its value must be, to follow “expected”.
  ///   - field: where it stands in a description.
  ///   - read: the value of what was written; nil where it is none.
  ///   - write: how a value is written in files.
  init<Value>(
    _ name: String, _ group: Group, _ field: WritableKeyPath<GrowthDescription, Value?> & Sendable,
    help summary: String,
    expected expectation: @escaping @Sendable (Spelling) -> String,
    aliases: [String] = [],
    placeholder: String? = nil, choices: [String] = [], defaultValue: WrittenValue? = nil,
    speaksOf: [String] = [], speaksOfTarget: Bool = true,
    read: @escaping @Sendable (WrittenValue) -> Value?,
    write: @escaping @Sendable (Value) -> WrittenValue
  ) {
    self.name = name
    self.aliases = aliases
    self.group = group
    self.summary = summary
    self.placeholder = placeholder
    self.choices = choices
    self.defaultValue = defaultValue
    self.speaksOf = speaksOf
    self.speaksOfTarget = speaksOfTarget
    self.expectation = expectation
    self.read = { written, description in
      guard let value = read(written) else { return false }
      description[keyPath: field] = value
      return true
    }
    self.write = { $0[keyPath: field].map(write) }
  }

  /// Takes over a value that somebody wrote.
  ///
  /// - Returns: whether it is one that the parameter takes; where not, ``expected(_:)`` says what is.
  public func set(_ written: WrittenValue, in description: inout GrowthDescription) -> Bool {
    read(written, &description)
  }

  /// The value of a description, as files have it; nil where nothing is said.
  public func written(in description: GrowthDescription) -> WrittenValue? { write(description) }

  /// Whether it has something to speak of where these sizes are said; none for a growth straight to a
  /// model.
  public func applies(toSizes names: Set<String>) -> Bool {
    speaksOf.isEmpty
      || (names.isEmpty ? speaksOfTarget : !names.isDisjoint(with: speaksOf))
  }

  /// The name with what marks it: `--head-size`, `headSize`.
  public func name(_ spelling: Spelling) -> String { Self.name(name, spelling) }

  /// What values it takes, to follow “expected”.
  public func expected(_ spelling: Spelling) -> String {
    expectation(spelling)
  }

  /// What is wrong with a part of a list in text, with what the parameter takes; nil where it takes no
  /// list, or the value is none.
  public func complaint(of written: WrittenValue, _ spelling: Spelling) -> String? {
    guard ["layers", "placement"].contains(name), let part = written.badPart else { return nil }
    let shown =
      part.text.isEmpty ? " is empty" : ", \(part.text.excerpt), is no layer and no range of layers"
    return "part \(part.place) of the list\(shown); expected \(expected(spelling))"
  }

  /// A parameter's name with what marks it.
  public static func name(_ name: String, _ spelling: Spelling) -> String {
    switch spelling {
    case .option: "--\(word(name, .option))"
    case .key: name
    }
  }

  /// A word of files in a spelling: `identityByOutput` is `identity-by-output` on a command line.
  public static func word(_ word: String, _ spelling: Spelling) -> String {
    guard spelling == .option else { return word }
    return word.reduce(into: "") { text, letter in
      text += letter.isUppercase ? "-\(letter.lowercased())" : String(letter)
    }
  }
}

extension GrowthParameter {
  /// A parameter that takes a whole number.
  ///
  /// - Parameter others: parameters that reach what this one does not.
  static func integer(
    _ name: String, _ group: Group,
    _ field: WritableKeyPath<GrowthDescription, Int?> & Sendable, in range: ClosedRange<Int>,
    help summary: String, otherwise others: [String] = [], aliases: [String] = [],
    defaultValue: Int? = nil, speaksOf: [String] = [], speaksOfTarget: Bool = true
  ) -> GrowthParameter {
    GrowthParameter(
      name, group, field, help: summary,
      expected: { spelling in
        let names = others.map { Self.name($0, spelling) }.joined(separator: ", ")
        return "an integer from \(range.lowerBound) to \(range.upperBound)"
          + (others.isEmpty ? "" : "; for other sizes use \(names)")
      }, aliases: aliases,
      defaultValue: defaultValue.map { .integer($0) }, speaksOf: speaksOf,
      speaksOfTarget: speaksOfTarget,
      read: { $0.integer.flatMap { range.contains($0) ? $0 : nil } }, write: { .integer($0) })
  }

  /// A parameter that takes a number.
  static func number(
    _ name: String, _ group: Group,
    _ field: WritableKeyPath<GrowthDescription, Double?> & Sendable, help summary: String,
    expected: @escaping @Sendable (Spelling) -> String, defaultValue: Double? = nil,
    speaksOf: [String] = [], where condition: @escaping @Sendable (Double) -> Bool
  ) -> GrowthParameter {
    GrowthParameter(
      name, group, field, help: summary, expected: expected,
      defaultValue: defaultValue.map { WrittenValue(argument: "\($0)") }, speaksOf: speaksOf,
      read: { $0.number.flatMap { condition($0) ? $0 : nil } }, write: { .number($0) })
  }

  /// A parameter that takes one of an enumeration's words.
  static func choice<Choice>(
    _ name: String, _ group: Group,
    _ field: WritableKeyPath<GrowthDescription, Choice?> & Sendable, help summary: String,
    defaultValue: Choice?, speaksOf: [String] = []
  ) -> GrowthParameter
  where Choice: RawRepresentable<String> & CaseIterable & Sendable {
    GrowthParameter(
      name, group, field, help: summary,
      expected: { spelling in
        "one of " + Choice.allCases.map { word($0.rawValue, spelling) }.joined(separator: ", ")
      }, choices: Choice.allCases.map(\.rawValue),
      defaultValue: defaultValue.map { .word($0.rawValue) }, speaksOf: speaksOf,
      read: { written in Choice.allCases.first { word($0.rawValue, matches: written.text) } },
      write: { .word($0.rawValue) })
  }

  /// Whether a word is meant, in either spelling.
  static func word(_ word: String, matches text: String) -> Bool {
    text == word || text == Self.word(word, .option)
  }
}
