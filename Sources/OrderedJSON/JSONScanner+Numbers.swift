// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
  /// Takes a number and returns its spelling, of any length.
  public mutating func number() throws(OrderedJSONError) -> String {
    if let first = nextToken, first > UInt8(ascii: "9") || first == UInt8(ascii: "-"),
      let spelling = takeNonFiniteNumber()
    {
      return spelling
    }
    guard let end = endOfNumber() else { throw failure("expected a number") }
    let spelling = String(decoding: bytes[offset..<end], as: UTF8.self)
    offset = end
    return spelling
  }

  /// Where the number at ``offset`` ends; nil where none is, or where it runs into other text.
  private func endOfNumber() -> Int? {
    var end = offset
    func has(_ characters: Unicode.Scalar...) -> Bool {
      end < bytes.count && characters.contains { bytes[end] == UInt8(ascii: $0) }
    }
    func passDigits() -> Bool {
      let start = end
      while end < bytes.count, bytes[end] >= 0x30, bytes[end] <= 0x39 { end += 1 }
      return end > start
    }
    if has("-") { end += 1 }
    let isZero = has("0")
    let start = end
    guard passDigits(), !isZero || end == start + 1 else { return nil }
    if has(".") {
      end += 1
      guard passDigits() else { return nil }
    }
    if has("e", "E") {
      end += 1
      if has("+", "-") { end += 1 }
      guard passDigits() else { return nil }
    }
    return end < bytes.count && Self.continuesWord(bytes[end]) ? nil : end
  }

  private static func continuesWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Takes Python's spelling of a number that is not finite, where the options allow it.
  mutating func takeNonFiniteNumber() -> String? {
    guard options.allowsNonFiniteNumbers else { return nil }
    for spelling in ["NaN", "Infinity", "-Infinity"] as [StaticString]
    where take(literally: spelling) {
      return spelling.description
    }
    return nil
  }
}
