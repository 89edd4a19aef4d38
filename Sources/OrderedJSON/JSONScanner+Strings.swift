// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
  /// Takes a string in quotes, resolves its escapes and checks that it is UTF-8.
  public mutating func string() throws(OrderedJSONError) -> String {
    guard take("\"") else { throw failure("expected a string in quotes") }
    let start = offset
    offset = endOfPlainText()
    if next == UInt8(ascii: "\"") {
      offset += 1
      return try text(bytes[start..<offset - 1], from: start)
    }
    return try escapedString(from: start)
  }

  /// The rest of a string that begins with plain text and then holds an escape, or is damaged.
  private mutating func escapedString(from start: Int) throws(OrderedJSONError) -> String {
    var content = Array(bytes[start..<offset])
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return try text(content[...], from: start)
      case UInt8(ascii: "\\"):
        offset += 1
        try takeEscape(into: &content)
      case 0..<0x20: throw failure("control character in a string")
      default:
        let plain = offset
        offset = endOfPlainText()
        content.append(contentsOf: bytes[plain..<offset])
      }
    }
    throw failure("string without an end")
  }

  /// Where the text from ``offset`` on meets a quote, an escape, a control character or the end.
  private func endOfPlainText() -> Int {
    bytes.withUnsafeBufferPointer { bytes in
      var end = offset
      while end < bytes.count, bytes[end] >= 0x20, bytes[end] != UInt8(ascii: "\""),
        bytes[end] != UInt8(ascii: "\\")
      { end += 1 }
      return end
    }
  }

  /// The text that the content of a string spells.
  private func text(
    _ content: ArraySlice<UInt8>, from start: Int
  ) throws(OrderedJSONError) -> String {
    let text = content.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
    guard let text else {
      // Escapes are ASCII: what is wrong stands in the source as well.
      throw OrderedJSONError(
        .malformed, "text that is not UTF-8", offset: Self.firstInvalid(bytes[start..<offset]))
    }
    return text
  }

  /// The offset of the first byte that does not belong to valid UTF-8.
  private static func firstInvalid(_ bytes: ArraySlice<UInt8>) -> Int {
    var iterator = bytes.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var offset = bytes.startIndex
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) { offset += scalar.count }
    return offset
  }

  // MARK: Escapes

  /// Takes what follows a backslash.
  private mutating func takeEscape(into content: inout [UInt8]) throws(OrderedJSONError) {
    guard let byte = next else { throw failure("string without an end") }
    let resolved: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): resolved = byte
    case UInt8(ascii: "b"): resolved = 0x08
    case UInt8(ascii: "f"): resolved = 0x0C
    case UInt8(ascii: "n"): resolved = 0x0A
    case UInt8(ascii: "r"): resolved = 0x0D
    case UInt8(ascii: "t"): resolved = 0x09
    case UInt8(ascii: "u"):
      offset += 1
      content.append(contentsOf: String(try unicodeEscape()).utf8)
      return
    default: throw failure("unknown escape in a string")
    }
    offset += 1
    content.append(resolved)
  }

  private mutating func unicodeEscape() throws(OrderedJSONError) -> Unicode.Scalar {
    let first = try fourHexadecimalDigits()
    if let scalar = Unicode.Scalar(first) { return scalar }
    // Beyond the basic plane: a high surrogate and a low one.
    let end = offset
    if first < 0xDC00, take(literally: "\\u") {
      let second = try fourHexadecimalDigits()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
      {
        return scalar
      }
    }
    guard options.allowsUnpairedSurrogates else { throw failure("unpaired surrogate") }
    offset = end
    return "\u{FFFD}"
  }

  private mutating func fourHexadecimalDigits() throws(OrderedJSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, byte < 0x80,
        let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw failure("expected four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      offset += 1
    }
    return value
  }
}
