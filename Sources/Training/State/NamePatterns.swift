// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Patterns (`*`, `?`) that fit some names and none of others, as few as do so.
package struct NamePatterns {
  private static let most = 4

  /// The patterns to be typed.
  package private(set) var shown: [String]
  /// Names that none of them fits, where these would be too many to type.
  package private(set) var hiddenCount = 0

  package init(covering names: some Collection<String>, without others: some Collection<String>) {
    let names = names.sorted()
    func isSafe(_ pattern: String) -> Bool {
      !others.contains { fnmatch(pattern, $0, 0) == 0 }
    }
    // Layers differ by their numbers.
    let kinds = Set(names.map(Self.withoutNumbers)).sorted()
    let numbered = kinds.count > 64 ? [] : kinds.filter(isSafe)
    let rest = names.filter { name in !numbered.contains { fnmatch($0, name, 0) == 0 } }
    let few = (numbered + rest.map(Self.literal)).sorted()
    let common = Self.commonEnds(of: names)
    if names.count == 1 {
      shown = names.map(Self.literal)
    } else if few.count > 1, let common, isSafe(common) {
      shown = [common]
    } else {
      shown = Array(few.prefix(Self.most))
      hiddenCount = names.count { name in !shown.contains { fnmatch($0, name, 0) == 0 } }
    }
  }

  /// A pattern that fits a name, and hardly anything else: what has a meaning for patterns or shells fits any
  /// letter.
  private static func literal(_ name: String) -> String {
    String(name.map { "*?[]\\'".contains($0) ? "?" : $0 })
  }

  /// `h.*.attn.bias` for `h.7.attn.bias`; a name without numbers stays itself.
  private static func withoutNumbers(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false)
      .map { Int($0) == nil ? literal(String($0)) : "*" }.joined(separator: ".")
  }

  /// What names begin and end with, whole words of them; nil where that is nothing.
  private static func commonEnds(of names: [String]) -> String? {
    let words = names.map { $0.split(separator: ".", omittingEmptySubsequences: false) }
    guard let first = words.first, let shortest = words.map(\.count).min() else { return nil }
    let start = min(commonCount(words), shortest - 1)
    let end = min(commonCount(words.map { $0.reversed() }), shortest - 1 - start)
    guard start + end > 0 else { return nil }
    let ends = [first.prefix(start), first.suffix(end)].map { $0.map { literal(String($0)) } }
    return (ends[0] + ["*"] + ends[1]).joined(separator: ".")
  }

  /// How many words all lists begin with.
  private static func commonCount(_ lists: [[Substring]]) -> Int {
    guard let first = lists.first else { return 0 }
    return first.indices.prefix { index in
      lists.allSatisfy { index < $0.count && $0[index] == first[index] }
    }.count
  }
}
