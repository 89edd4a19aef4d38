// SPDX-License-Identifier: Apache-2.0

/// Finds added tokens in a text: from the left, at each place the longest.
struct AddedTokenMatcher: Sendable {
  private let table = UnicodeClassTable.shared
  /// Patterns in byte order, each with its token.
  private let patterns: [(bytes: [UInt8], token: AddedToken)]
  /// For each first byte, the range of `patterns` that begin with it.
  private let ranges: [Range<Int>]
  /// For each first byte, what the next eight bytes have in common in all its patterns.
  private let prefixes: [(value: UInt64, mask: UInt64)]
  private let hasOnlySpecials: Bool

  /// Makes a matcher for the tokens, spelled as given; empty spellings match nothing.
  init(_ tokens: [(bytes: [UInt8], token: AddedToken)]) {
    let sorted = tokens.filter { !$0.bytes.isEmpty }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    patterns = sorted
    hasOnlySpecials = sorted.allSatisfy(\.token.isSpecial)
    var ranges = [Range<Int>](repeating: 0..<0, count: 256)
    for (index, pattern) in sorted.enumerated() {
      let first = Int(pattern.bytes[0])
      ranges[first] = (ranges[first].isEmpty ? index : ranges[first].lowerBound)..<index + 1
    }
    self.ranges = ranges
    prefixes = ranges.map { Self.commonPrefix(sorted[$0].map(\.bytes)) }
  }

  /// The first bytes, up to eight, that all patterns share, as they are loaded from memory.
  private static func commonPrefix(_ patterns: [[UInt8]]) -> (value: UInt64, mask: UInt64) {
    guard let first = patterns.first, let last = patterns.last else { return (0, 0) }
    // Patterns are sorted: what the first and the last share all share.
    let shared = zip(first, last).prefix(8).prefix { $0 == $1 }.map { $0.0 }
    var (value, mask) = ([UInt8](repeating: 0, count: 8), [UInt8](repeating: 0, count: 8))
    for (index, byte) in shared.enumerated() { (value[index], mask[index]) = (byte, 0xFF) }
    func word(_ bytes: [UInt8]) -> UInt64 {
      bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }
    return (word(value), word(mask))
  }

  /// Calls `text` with each stretch between tokens and `token` with each token's id, in order.
  @inline(__always)
  func split(
    _ bytes: UnsafeBufferPointer<UInt8>, allowsSpecialTokens: Bool,
    text: (Range<Int>) -> Void, token: (Int32) -> Void
  ) {
    guard !patterns.isEmpty, allowsSpecialTokens || !hasOnlySpecials else {
      if !bytes.isEmpty { text(0..<bytes.count) }
      return
    }
    var done = 0
    var index = 0
    while index < bytes.count {
      guard let (found, length) = longestMatch(bytes, at: index) else {
        index += 1
        continue
      }
      let match = index..<index + length
      index += length
      guard allowsSpecialTokens || !found.isSpecial else { continue }
      guard !found.matchesWholeWord || isWholeWord(match, in: bytes) else { continue }
      let start =
        found.stripsLeft ? max(done, spaceStart(match.lowerBound, bytes)) : match.lowerBound
      if done < start { text(done..<start) }
      token(found.id)
      done = found.stripsRight ? spaceEnd(match.upperBound, bytes) : match.upperBound
    }
    if done < bytes.count { text(done..<bytes.count) }
  }

  @inline(__always)
  private func longestMatch(
    _ bytes: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (AddedToken, Int)? {
    let range = ranges[Int(bytes[start])]
    guard !range.isEmpty else { return nil }
    if start + 8 <= bytes.count {
      let prefix = prefixes[Int(bytes[start])]
      let next = UnsafeRawBufferPointer(bytes)
        .loadUnaligned(fromByteOffset: start, as: UInt64.self)
      if next & prefix.mask != prefix.value { return nil }
    }
    return longestMatch(bytes, at: start, among: range)
  }

  /// Narrows the patterns byte by byte; the last that was matched whole is the longest.
  private func longestMatch(
    _ bytes: UnsafeBufferPointer<UInt8>, at start: Int, among candidates: Range<Int>
  ) -> (AddedToken, Int)? {
    var range = candidates
    var depth = 1
    var best: Int?
    while true {
      // Of the patterns that agree so far the shortest stands first; equal ones count once.
      while let first = range.first, patterns[first].bytes.count == depth {
        if best.map({ patterns[$0].bytes.count < depth }) ?? true { best = first }
        range = first + 1..<range.upperBound
      }
      guard !range.isEmpty, start + depth < bytes.count else { break }
      range = narrow(range, to: bytes[start + depth], at: depth)
      depth += 1
    }
    return best.map { (patterns[$0].token, patterns[$0].bytes.count) }
  }

  private func narrow(_ range: Range<Int>, to byte: UInt8, at depth: Int) -> Range<Int> {
    let lower = partition(range) { patterns[$0].bytes[depth] >= byte }
    return lower..<partition(lower..<range.upperBound) { patterns[$0].bytes[depth] > byte }
  }

  /// The first index of a range for which the predicate holds; it holds for all after it.
  private func partition(_ range: Range<Int>, _ predicate: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if predicate(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  private func isWholeWord(_ match: Range<Int>, in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    if match.lowerBound > 0 {
      let before = UTF8Text.indexBefore(match.lowerBound, in: base)
      if table(UTF8Text.scalar(base, before).value).contains(.word) { return false }
    }
    guard match.upperBound < bytes.count else { return true }
    return !table(UTF8Text.scalar(base, match.upperBound).value).contains(.word)
  }

  private func spaceStart(_ end: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard let base = bytes.baseAddress else { return end }
    var index = end
    while index > 0 {
      let before = UTF8Text.indexBefore(index, in: base)
      guard table(UTF8Text.scalar(base, before).value).contains(.whitespace) else { break }
      index = before
    }
    return index
  }

  private func spaceEnd(_ start: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard let base = bytes.baseAddress else { return start }
    var index = start
    while index < bytes.count {
      let (value, length) = UTF8Text.scalar(base, index)
      guard table(value).contains(.whitespace) else { break }
      index += length
    }
    return index
  }
}
