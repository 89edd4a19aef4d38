// SPDX-License-Identifier: Apache-2.0

/// Reading of UTF-8 bytes.
enum UTF8Text {
  /// The scalar that begins at `bytes[index]` of valid UTF-8, and how many bytes it takes.
  @inline(__always)
  static func scalar(
    _ bytes: UnsafePointer<UInt8>, _ index: Int
  ) -> (value: UInt32, length: Int) {
    let first = UInt32(bytes[index])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(bytes[index + 1] & 0x3F)
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(bytes[index + 2] & 0x3F)
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    let fourth = UInt32(bytes[index + 3] & 0x3F)
    return ((first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
  }

  /// Where the scalar that ends before `index` begins, in valid UTF-8.
  @inline(__always)
  static func indexBefore(_ index: Int, in bytes: UnsafePointer<UInt8>) -> Int {
    var previous = index - 1
    while bytes[previous] & 0xC0 == 0x80 { previous -= 1 }
    return previous
  }

  /// How many of the bytes from `index` form one scalar or, where they form none, one maximal
  /// subpart (Unicode, section 3.9, table 3-8), with whether they form a scalar.
  static func sequence(
    _ bytes: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> (length: Int, isValid: Bool) {
    let first = bytes[index]
    if first < 0x80 { return (1, true) }
    let expected = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0
    guard expected > 0 else { return (1, false) }
    for offset in 1..<expected {
      guard index + offset < bytes.count,
        continuation(after: first, offset: offset).contains(bytes[index + offset])
      else { return (offset, false) }
    }
    return (expected, true)
  }

  private static func continuation(after first: UInt8, offset: Int) -> ClosedRange<UInt8> {
    guard offset == 1 else { return 0x80...0xBF }
    switch first {
    case 0xE0: return 0xA0...0xBF
    case 0xED: return 0x80...0x9F
    case 0xF0: return 0x90...0xBF
    case 0xF4: return 0x80...0x8F
    default: return 0x80...0xBF
    }
  }

  /// The offset of the first byte that does not belong to valid UTF-8; nil where all does.
  static func firstInvalid(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let raw = UnsafeRawBufferPointer(bytes)
    var index = 0
    while index < bytes.count {
      if index + 8 <= bytes.count,
        raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        index += 8
        continue
      }
      let (length, isValid) = sequence(bytes, at: index)
      guard isValid else { return index }
      index += length
    }
    return nil
  }

  /// How many maximal subparts are not UTF-8, each of which becomes one U+FFFD.
  static func invalidCount(_ bytes: UnsafeBufferPointer<UInt8>, from invalid: Int) -> Int {
    var count = 0
    var index = invalid
    while index < bytes.count {
      let (length, isValid) = sequence(bytes, at: index)
      if !isValid { count += 1 }
      index += length
    }
    return count
  }

  /// The text with U+FFFD for each maximal subpart that is not UTF-8.
  static func repaired(_ bytes: UnsafeBufferPointer<UInt8>, from invalid: Int) -> [UInt8] {
    var result = [UInt8](bytes[..<invalid])
    result.reserveCapacity(bytes.count + 16)
    var index = invalid
    while index < bytes.count {
      let (length, isValid) = sequence(bytes, at: index)
      if isValid {
        result.append(contentsOf: bytes[index..<index + length])
      } else {
        result.append(contentsOf: [0xEF, 0xBF, 0xBD])
      }
      index += length
    }
    return result
  }

  /// Calls `body` with the bytes as valid UTF-8: themselves, or a repaired copy.
  @inline(__always)
  static func withValid<Result>(
    _ bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    guard let invalid = firstInvalid(bytes) else { return body(bytes) }
    return repaired(bytes, from: invalid).withUnsafeBufferPointer(body)
  }
}
