// SPDX-License-Identifier: Apache-2.0

/// Bytes of text as they are generated, handed on when they are sure: whole characters only, and
/// nothing that may be the beginning of a stop text.
package struct TextStream: Sendable {
  private let stopTexts: [[UInt8]]
  /// Bytes not handed on yet.
  private var held: [UInt8] = []
  /// Whether a stop text came; what follows is passed over.
  package private(set) var isStopped = false

  /// A stream that ends before the first of these texts; empty ones are passed over.
  package init(stopTexts: [String] = []) {
    self.stopTexts = stopTexts.filter { !$0.isEmpty }.map { Array($0.utf8) }
  }

  /// Takes bytes; the text that is sure by now.
  package mutating func append(_ bytes: [UInt8]) -> String {
    guard !isStopped else { return "" }
    held += bytes
    if let stop = firstStop() {
      isStopped = true
      held.removeSubrange(stop...)
      return take(held.count)
    }
    let safe = held.count - heldForStop()
    return take(safe - Self.incompleteSuffix(of: held[..<safe]))
  }

  /// Ends the stream; the text that was held back, a broken character as U+FFFD.
  package mutating func finish() -> String { take(held.count) }

  private mutating func take(_ count: Int) -> String {
    defer { held.removeFirst(count) }
    return String(decoding: held[..<count], as: UTF8.self)
  }

  /// Where the earliest stop text begins.
  private func firstStop() -> Int? {
    held.indices.first { start in stopTexts.contains { held[start...].starts(with: $0) } }
  }

  /// Length of the longest suffix that begins a stop text.
  private func heldForStop() -> Int {
    let longest = (stopTexts.map(\.count).max() ?? 1) - 1
    return stride(from: min(longest, held.count), to: 0, by: -1).first { count in
      stopTexts.contains { $0.starts(with: held.suffix(count)) }
    } ?? 0
  }

  /// Length of a character at the end whose bytes are not all there; 0 where it is whole or broken.
  private static func incompleteSuffix(of bytes: ArraySlice<UInt8>) -> Int {
    for count in 1...3 where count <= bytes.count {
      let byte = bytes[bytes.endIndex - count]
      if byte & 0xc0 == 0x80 { continue }
      let length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1
      return length > count ? count : 0
    }
    return 0
  }
}
