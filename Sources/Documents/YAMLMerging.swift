// SPDX-License-Identifier: Apache-2.0
import Yams

/// Puts what merge keys name into their groups: `<<: *defaults`, or a list of groups, of which the
/// first that has a key counts; a group's own keys come before all of them
/// (https://yaml.org/type/merge.html).
///
/// Aliases of aliases can stand for more values than any memory holds, so that what they amount to is
/// counted on the way.
struct YAMLMerging {
  /// Values that a recipe may have, aliases written out.
  static let mostNodes = 100_000
  /// Groups within groups.
  static let deepest = 64

  private var count = 0

  /// A document with all groups merged.
  static func resolved(_ root: Node) throws(YAMLText.Problem) -> Node {
    var merging = YAMLMerging()
    return try merging.resolved(root, depth: 0)
  }

  private mutating func resolved(_ node: Node, depth: Int) throws(YAMLText.Problem) -> Node {
    count += 1
    guard count <= Self.mostNodes else {
      throw failure("there are more than \(Self.mostNodes) values, aliases written out", node)
    }
    guard depth <= Self.deepest else {
      throw failure("the groups are nested more than \(Self.deepest) deep", node)
    }
    switch node {
    case .scalar, .alias: return node
    case .sequence(var sequence):
      for index in sequence.indices {
        sequence[index] = try resolved(sequence[index], depth: depth + 1)
      }
      return .sequence(sequence)
    case .mapping(let mapping):
      return .mapping(try merged(mapping, depth: depth))
    }
  }

  private mutating func merged(
    _ mapping: Node.Mapping, depth: Int
  ) throws(YAMLText.Problem) -> Node.Mapping {
    var pairs: [(Node, Node)] = []
    var sources: [Node.Mapping] = []
    for (key, value) in mapping {
      let value = try resolved(value, depth: depth + 1)
      if Self.isMergeKey(key) {
        sources += try groups(value, at: key)
      } else {
        pairs.append((key, value))
      }
    }
    var names = Set(pairs.compactMap { $0.0.scalar?.string })
    for (key, value) in sources.joined() {
      if let name = key.scalar?.string, !names.insert(name).inserted { continue }
      pairs.append((key, value))
    }
    return Node.Mapping(pairs, mapping.tag, mapping.style, mapping.mark)
  }

  private static func isMergeKey(_ key: Node) -> Bool {
    key.plainText == "<<"
  }

  private func groups(
    _ value: Node, at key: Node
  ) throws(YAMLText.Problem) -> [Node.Mapping] {
    if let mapping = value.mapping { return [mapping] }
    let groups = value.sequence?.compactMap(\.mapping) ?? []
    guard let count = value.sequence?.count, groups.count == count else {
      throw failure("<< takes over a group of keys, such as *defaults, or a list of groups", key)
    }
    return groups
  }

  private func failure(_ message: String, _ node: Node) -> YAMLText.Problem {
    YAMLText.Problem(line: node.mark?.line ?? 1, message: message)
  }
}
