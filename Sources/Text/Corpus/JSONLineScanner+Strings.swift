// SPDX-License-Identifier: Apache-2.0

extension JSONLineScanner {
  mutating func skipString() throws(JSONLines.Fault) {
    var ignored: [UInt8] = []
    try string(into: &ignored)
  }

  /// Reads a string from its first quotation mark past its last.
  mutating func string(into text: inout [UInt8]) throws(JSONLines.Fault) {
    let start = index
    index += 1
    while true {
      let plain = index
      skipPlain()
      text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[plain..<index]))
      guard let byte = next else {
        index = start
        throw JSONLines.Fault(
          .notJSON, "is not JSON: the string that begins at byte \(start + 1) never ends")
      }
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return
      case UInt8(ascii: "\\"): try escape(into: &text)
      default: throw fault("expected “\\n”, “\\t” or the like in a string")
      }
    }
  }

  /// Goes on to the next quotation mark, backslash or control character.
  private mutating func skipPlain() {
    let raw = UnsafeRawBufferPointer(bytes)
    let ones: UInt64 = 0x0101_0101_0101_0101
    let tops: UInt64 = 0x8080_8080_8080_8080
    while index + 8 <= bytes.count {
      let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      let quotation = word ^ (0x22 &* ones)
      let backslash = word ^ (0x5c &* ones)
      let special =
        ((quotation &- ones) & ~quotation) | ((backslash &- ones) & ~backslash)
        | ((word &- 0x20 &* ones) & ~word)
      if special & tops != 0 { break }
      index += 8
    }
    while let byte = next, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      index += 1
    }
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONLines.Fault) {
    let start = index
    index += 1
    let byte = next
    if byte != nil { index += 1 }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[index - 1])
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      if let scalar = UTF8.encode(try scalar(from: start)) { text.append(contentsOf: scalar) }
    default:
      index = start
      throw fault("expected an escape such as “\\n” or “\\u00e9”")
    }
  }

  /// The scalar of `\uXXXX`, of two of them where they are a pair of surrogates.
  private mutating func scalar(from start: Int) throws(JSONLines.Fault) -> Unicode.Scalar {
    let first = try codeUnit(from: start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    let after = index
    if first < 0xdc00, next == UInt8(ascii: "\\"), index + 1 < bytes.count,
      bytes[index + 1] == UInt8(ascii: "u")
    {
      index += 2
      let second = try codeUnit(from: after)
      if (0xdc00...0xdfff).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
      {
        return scalar
      }
      index = after
    }
    replacedSurrogateCount += 1
    return "\u{fffd}"
  }

  private mutating func codeUnit(from start: Int) throws(JSONLines.Fault) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Self.hexadecimal(byte) else {
        index = start
        throw fault("expected four hexadecimal digits after “\\u”")
      }
      value = value << 4 | digit
      index += 1
    }
    return value
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x30...0x39: UInt32(byte - 0x30)
    case 0x41...0x46: UInt32(byte - 0x41 + 10)
    case 0x61...0x66: UInt32(byte - 0x61 + 10)
    default: nil
    }
  }
}
