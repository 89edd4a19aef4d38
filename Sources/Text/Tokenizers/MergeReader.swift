// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import OrderedJSON

/// Reads merges, each a pair of tokens, and resolves them to ids.
struct MergeReader {
  let index: TokenIndex
  let subject: String

  /// The merges of `model.merges`: "a b" or ["a", "b"] each.
  func merges(_ entries: [JSONValue]) throws(TextError) -> [(left: Int32, right: Int32)] {
    var merges: [(left: Int32, right: Int32)] = []
    merges.reserveCapacity(entries.count)
    for (rank, entry) in entries.enumerated() {
      switch entry {
      case .string(let line): merges.append(try merge(Array(line.utf8), rank: rank))
      case .array(let pair):
        guard pair.count == 2, let left = pair[0].bytes, let right = pair[1].bytes
        else { throw malformed(rank, entry.summary) }
        merges.append((try id(left, rank), try id(right, rank)))
      default: throw malformed(rank, entry.summary)
      }
    }
    return merges
  }

  /// The merges of a `merges.txt`: a pair a line, after an optional line `#version`.
  func merges(lines text: [UInt8]) throws(TextError) -> [(left: Int32, right: Int32)] {
    var merges: [(left: Int32, right: Int32)] = []
    for line in TextEncoding.withoutMark(text).split(
      separator: 0x0A, omittingEmptySubsequences: true)
    {
      var line = Array(line)
      if line.last == 0x0D { line.removeLast() }
      if line.isEmpty || line.starts(with: "#version".utf8) { continue }
      merges.append(try merge(line, rank: merges.count))
    }
    return merges
  }

  private func merge(
    _ line: [UInt8], rank: Int
  ) throws(TextError) -> (left: Int32, right: Int32) {
    let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw malformed(rank, "'\(ModelDescription.name(line))'") }
    return (try id(Array(parts[0]), rank), try id(Array(parts[1]), rank))
  }

  private func id(_ content: [UInt8], _ rank: Int) throws(TextError) -> Int32 {
    if let id = index.id(of: content) { return id }
    throw TextError(
      .invalidTokenizer,
      "merge \(rank) names '\(ModelDescription.name(content))', which the vocabulary lacks; "
        + "expected merges and vocabulary of the same tokenizer",
      subject: subject)
  }

  private func malformed(_ rank: Int, _ found: String) -> TextError {
    TextError(
      .invalidTokenizer, "merge \(rank) is \(found); expected two tokens with a space between",
      subject: subject)
  }
}
