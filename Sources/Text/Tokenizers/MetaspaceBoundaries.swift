// SPDX-License-Identifier: Apache-2.0

/// Where text of a model without word patterns can be cut into parts that merge each by itself.
///
/// SentencePiece's models merge over a whole text at once. Where no token has a scalar x directly
/// before "▁", no merge can ever reach across an "x▁" of the text: to cut there changes nothing,
/// and the parts are words, short and often seen before.
struct MetaspaceBoundaries: Sendable {
  /// U+2581, "▁".
  static let metaspace: [UInt8] = [0xE2, 0x96, 0x81]

  /// Scalars that some merge joins to a "▁" after them.
  private let joined: Set<UInt32>

  /// The boundaries of a model; nil where a cut might change the ids.
  init?(model: ModelDescription, alphabet: SymbolAlphabet, contents: [[UInt8]]) {
    // Where characters can be dropped, their neighbours meet.
    guard !alphabet.dropsCharacters else { return nil }
    // An unknown token fuses with the one before it, and merges of byte or unknown tokens join
    // what their spelling does not show.
    guard alphabet.contains(scalar: 0x2581), !model.ignoresMerges else { return nil }
    var joined: Set<UInt32> = []
    let opaque = Set(SymbolAlphabet.byteTokens + [model.unknownToken].compactMap { $0 })
    for merge in model.merges {
      let left = contents[Int(merge.left)]
      let right = contents[Int(merge.right)]
      guard !opaque.contains(left), !opaque.contains(right) else { return nil }
      Self.collect(from: left + right, into: &joined)
    }
    self.joined = joined
  }

  private static func collect(from content: [UInt8], into joined: inout Set<UInt32>) {
    content.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var index = 0
      var previous: UInt32?
      while index < bytes.count {
        let (value, length) = UTF8Text.scalar(base, index)
        if value == 0x2581, let previous { joined.insert(previous) }
        previous = value
        index += length
      }
    }
  }

  /// Calls `body` with the bounds of each part, in order.
  @inline(__always)
  func forEachPart(_ bytes: UnsafePointer<UInt8>, count: Int, _ body: (Int, Int) -> Void) {
    var start = 0
    var index = 1
    while index + 2 < count {
      if bytes[index] == 0xE2 && bytes[index + 1] == 0x96 && bytes[index + 2] == 0x81 {
        let before = UTF8Text.scalar(bytes, UTF8Text.indexBefore(index, in: bytes)).value
        if !joined.contains(before) {
          body(start, index)
          start = index
        }
        index += 3
      } else {
        index += 1
      }
    }
    body(start, count)
  }
}
