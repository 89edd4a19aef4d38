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
      try value.note(value.mismatch("keys: \(keys.joined(separator: ", "))"))
      self.members = [:]
      self.meant = Set(keys)
      return
    }
    var members: [String: Node] = [:]
    var meant: Set<String> = []
    for (key, node) in mapping {
      let name = key.scalar?.string ?? ""
      guard !keys.contains(name) else {
        members[name] = node
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

  private static func unknown(
    _ name: String, _ key: Node, in value: RecipeValue, keys: [String], meant: String?,
    _ explanation: String?
  ) -> StagingError {
    let path = value.path + [name]
    let source = value.document.source(of: path, at: key.mark)
    let remedy =
      meant.map { "did you mean \($0)?" } ?? explanation
      ?? "expected one of \(keys.joined(separator: ", "))"
    let problem = key.scalar == nil ? "a key must be a word" : "unknown key"
    return StagingError(
      .unknownKey, "\(problem); \(remedy)",
      subject: "\(source): \(RecipeValue.describe(path))")
  }
}
