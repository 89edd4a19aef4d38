// SPDX-License-Identifier: Apache-2.0
import Yams

/// A group of keys of a recipe, all of them known.
struct RecipeMapping {
  /// The group as a value, for messages about the whole.
  let value: RecipeValue
  private let members: [String: Node]

  /// Takes a mapping apart.
  ///
  /// - Throws: where the value is no mapping or has a key that is not in `keys`.
  init(_ value: RecipeValue, keys: [String]) throws {
    guard let mapping = value.node.mapping else {
      throw value.mismatch("keys: \(keys.joined(separator: ", "))")
    }
    self.value = value
    var members: [String: Node] = [:]
    for (key, node) in mapping {
      let name = key.scalar?.string ?? ""
      guard keys.contains(name) else { throw Self.unknown(name, key, in: value, keys: keys) }
      members[name] = node
    }
    self.members = members
  }

  /// The value of a key, if it is there.
  subscript(key: String) -> RecipeValue? {
    members[key].map {
      RecipeValue(document: value.document, path: value.path + [key], node: $0)
    }
  }

  /// The value of a key that must be there.
  func required(_ key: String, _ expected: String) throws -> RecipeValue {
    if let member = self[key] { return member }
    let path = value.path + [key]
    let source = value.document.source(of: path, at: value.node.mark)
    throw StagingError(
      .missingKey, "this key is missing; expected \(expected)",
      subject: "\(source): \(RecipeValue.describe(path))")
  }

  private static func unknown(
    _ name: String, _ key: Node, in value: RecipeValue, keys: [String]
  ) -> StagingError {
    let path = value.path + [name]
    let source = value.document.source(of: path, at: key.mark)
    let remedy =
      NearestName.of(name, among: keys).map { "did you mean \($0)?" }
      ?? "expected one of \(keys.joined(separator: ", "))"
    return StagingError(
      .unknownKey, "unknown key; \(remedy)", subject: "\(source): \(RecipeValue.describe(path))")
  }
}
