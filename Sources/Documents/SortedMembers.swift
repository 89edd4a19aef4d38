// SPDX-License-Identifier: Apache-2.0

/// Values by texts, which are written in the order of the texts: a dictionary's own order is another in
/// every process.
protocol KeyedByText {
  /// Encodes the members in the order of their keys' bytes.
  func encodeSorted(to encoder: any Encoder) throws
}

extension Dictionary: KeyedByText where Key == String, Value: Encodable {
  func encodeSorted(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: DocumentKey.self)
    for (key, value) in sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      try container.encode(value, forKey: DocumentKey(key))
    }
  }
}

/// Writes members in their order with any encoder.
struct SortedMembers: Encodable {
  let members: any KeyedByText

  func encode(to encoder: any Encoder) throws { try members.encodeSorted(to: encoder) }
}
