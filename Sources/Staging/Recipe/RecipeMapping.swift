// SPDX-License-Identifier: Apache-2.0
import Yams

/// A group of keys of a recipe, all of them known.
struct RecipeMapping {
  /// The group as a value, for messages about the whole.
  let value: RecipeValue
  private let members: [String: Node]
  /// Keys that an unknown one was probably meant for, so that they do not count as missing too.
  private let meant: Set<String>

  /// Takes a mapping apart; a value that is none, and keys that are not in `keys`, are noted as
  /// mistakes.
  init(_ value: RecipeValue, keys: [String]) throws {
    self.value = value
    guard let mapping = value.node.mapping else {
      try value.note(
        value.mismatch("keys: \(keys.joined(separator: ", "))\(Self.example(value, keys))"))
      self.members = [:]
      self.meant = Set(keys)
      return
    }
    var members: [String: Node] = [:]
    var meant: Set<String> = []
    var last: (key: String, text: String)?
    for (key, node) in mapping {
      let name = key.scalar?.string ?? ""
      guard !keys.contains(name) else {
        members[name] = node
        last = node.scalar.map { (name, $0.string) }
        continue
      }
      if let begun = last, node.scalar?.string.isEmpty == true, Self.isRange(name) {
        last?.text += ",\(name)"
        try value.note(Self.unquoted("\(begun.text),\(name)", of: begun.key, key, in: value))
        continue
      }
      // Where anchors may be kept that other places take over.
      if value.path.isEmpty, name.hasPrefix("x-") { continue }
      let explanation = RecipeExplanations.explanation(of: RecipeNames.normalized(name))
      let suggestion =
        explanation == nil ? RecipeNames.meant(by: name, at: value.path, among: keys) : nil
      suggestion.map { _ = meant.insert($0) }
      try value.note(Self.unknown(name, key, in: value, keys: keys, meant: suggestion, explanation))
    }
    self.members = members
    self.meant = meant
  }

  /// What was found wrong with the recipe so far.
  var faults: RecipeFaults { value.document.faults }

  /// The value of a key, if it is there.
  subscript(key: String) -> RecipeValue? {
    members[key].map {
      RecipeValue(document: value.document, path: value.path + [key], node: $0)
    }
  }

  /// The value of a key that must be there; where it is not, a blank that reads as any value.
  func required(_ key: String, _ expected: String) throws -> RecipeValue {
    if let member = self[key] { return member }
    let path = value.path + [key]
    let source = value.document.source(of: path, at: value.node.mark)
    if !value.isBlank, !meant.contains(key) {
      try faults.note(
        StagingError(
          .missingKey, "this key is missing; expected \(expected)",
          subject: "\(source): \(RecipeValue.describe(path))"))
    }
    return RecipeValue(document: value.document, path: path, node: Node(""), isBlank: true)
  }

  /// How a word stands in the group that is expected in its place: `, as in {kind: bpe}`.
  private static func example(_ value: RecipeValue, _ keys: [String]) -> String {
    guard keys.contains("kind"), let word = value.textIfWellFormed, word.utf8.count < 20,
      word.allSatisfy({ $0.isLetter || $0.isNumber })
    else { return "" }
    return ", as in {kind: \(word)}"
  }

  /// Whether a key looks like a part of a list of layers: `3` or `0-3`.
  private static func isRange(_ name: String) -> Bool {
    let ends = name.split(separator: "-", omittingEmptySubsequences: false)
    return ends.count <= 2 && ends.allSatisfy { Int($0) != nil }
  }

  /// A list whose comma ended a value in braces.
  private static func unquoted(
    _ text: String, of name: String, _ key: Node, in value: RecipeValue
  ) -> StagingError {
    let source = value.document.source(of: value.path + [name], at: key.mark)
    let parts = text.split(separator: ",")
    let isDecimal =
      !["layers", "placement"].contains(name) && parts.count == 2
      && parts.allSatisfy { $0.allSatisfy(\.isNumber) }
    let remedy =
      isDecimal
      ? "write decimals after a point: \(name): \(parts.joined(separator: ".").excerpt)"
      : "write the list in quotes: \(name): \"\(text.excerpt)\""
    return StagingError(
      .unknownKey, "in braces a comma ends a value; \(remedy)",
      subject: "\(source): \(RecipeValue.describe(value.path + [name]))")
  }

  private static func unknown(
    _ name: String, _ key: Node, in value: RecipeValue, keys: [String], meant: String?,
    _ explanation: String?
  ) -> StagingError {
    let path = value.path + (key.scalar == nil ? [] : [name])
    let source = value.document.source(of: path, at: key.mark)
    let remedy =
      meant.map { "did you mean \($0)?" } ?? explanation
      ?? "expected one of \(keys.joined(separator: ", "))"
    let problem = key.scalar == nil ? "a key must be a word" : "unknown key"
    return StagingError(
      .unknownKey, "\(problem); \(remedy)",
      subject: path.isEmpty ? source : "\(source): \(RecipeValue.describe(path))")
  }
}
