// SPDX-License-Identifier: Apache-2.0

/// Finds the name that was probably meant.
package enum NearestName {
  /// The candidate that is fewest edits away from `name`, ties to the first; nil where even the
  /// nearest is so far that it would be a guess.
  package static func of(_ name: String, among candidates: [String]) -> String? {
    // Nothing that is far longer than any candidate is near one.
    guard name.utf8.count <= 256 else { return nil }
    let word = name.lowercased()
    let distances = candidates.map { distance(word, $0.lowercased()) }
    guard let nearest = distances.min(), let index = distances.firstIndex(of: nearest) else {
      return nil
    }
    // Of words of four letters two that differ say nothing.
    let length = min(word.count, candidates[index].count)
    let limit = length < 5 ? 1 : length / 3 + 1
    return nearest <= limit ? candidates[index] : nil
  }

  /// Edits (insert, delete, replace, swap neighbours) that turn one word into the other: the
  /// optimal-string-alignment distance (Damerau 1964).
  package static func distance(_ left: String, _ right: String) -> Int {
    let a = Array(left)
    let b = Array(right)
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          best = min(best, beforeLast[j - 1] + 1)
        }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
