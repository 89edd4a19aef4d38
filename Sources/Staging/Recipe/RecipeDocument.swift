// SPDX-License-Identifier: Apache-2.0
import Documents
import Wording
import Yams

/// A recipe's tree of YAML nodes, with where each value came from.
struct RecipeDocument {
  /// The file's name in messages.
  let name: String
  private(set) var root: Node
  private(set) var overrides: [RecipeOverride] = []
  /// What was found wrong while the document is decoded.
  let faults = RecipeFaults()

  /// Parses YAML text.
  init(yaml: String, name: String) throws {
    self.name = name
    guard let root = try Self.parse(yaml, describe: { "\(name):\($0)" }) else {
      throw StagingError(
        .invalidYAML, "the recipe is empty; `espalier train --example` prints one", subject: name)
    }
    self.root = root
  }

  /// Sets one value in the tree, before anything is decoded from it.
  mutating func apply(_ override: RecipeOverride) throws {
    let subject = "--set \("\(override)".excerpt)"
    let value = try Self.parse(override.value, describe: { _ in subject }) ?? Node("", Tag(.null))
    root = try Self.replacing(override.keyPath[...], of: root, with: value) { depth in
      let path = override.keyPath.prefix(depth).joined(separator: ".")
      guard !path.isEmpty else {
        return StagingError(
          .invalidOverride, "the recipe is no group of keys, of which one could be set",
          subject: subject)
      }
      return StagingError(
        .invalidOverride, "\(path) is not a group of keys in the recipe; set \(path) as a whole",
        subject: subject)
    }
    overrides.append(override)
  }

  /// Decodes the whole document.
  ///
  /// - Throws: ``StagingError`` with all mistakes that were found.
  func decode<Result>(_ body: (RecipeValue) throws -> Result) throws -> Result {
    var result: Result?
    do {
      result = try faults.attempt {
        try body(RecipeValue(document: self, path: [], node: root))
      }
    } catch is RecipeFaults.Noted {
      // There are more mistakes than are told.
    }
    try faults.check(name)
    guard let result else {
      throw StagingError(.invalidYAML, "the recipe cannot be read", subject: name)
    }
    return result
  }

  /// The file and line of a value, or the override that set it.
  func source(of path: [String], at mark: Mark?) -> String {
    if let override = overrides.last(where: { $0.covers(path) }) {
      return override.option
    }
    if let mark { return "\(name):\(mark.line)" }
    // A group that only an override's key path brought into being.
    return overrides.last { $0.keyPath.starts(with: path) }?.option ?? name
  }

  /// The file and line, or the override, of the value at a key path, or else of what it would stand in; nil
  /// where nothing of the path is there.
  func place(of path: String) -> String? {
    let value = RecipeValue(document: self, path: [], node: root).nearest(path)
    return value.path.isEmpty ? nil : source(of: value.path, at: value.node.mark)
  }

  private static func parse(_ yaml: String, describe: (Int) -> String) throws -> Node? {
    do { return try YAMLText.compose(yaml) } catch {
      throw StagingError(.invalidYAML, error.message, subject: describe(error.line))
    }
  }

  private static func replacing(
    _ path: ArraySlice<String>, of node: Node, with value: Node,
    notAGroup: (Int) -> StagingError
  ) throws -> Node {
    guard let key = path.first else { return value }
    guard case .mapping(var mapping) = node else { throw notAGroup(path.startIndex) }
    let keyNode = mapping.first { $0.key.scalar?.string == key }?.key ?? Node(key)
    let old = mapping[keyNode] ?? Node([(Node, Node)]())
    mapping[keyNode] = try replacing(path.dropFirst(), of: old, with: value, notAGroup: notAGroup)
    return .mapping(mapping)
  }
}
