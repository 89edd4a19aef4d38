// SPDX-License-Identifier: Apache-2.0

/// The 256 visible characters by which byte-level vocabularies spell bytes, as GPT-2 chose them:
/// printable Latin-1 stands for itself, the other 68 bytes in order for U+0100 and onwards.
enum ByteLevelAlphabet {
  /// The scalar of each byte.
  static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte of each scalar below 0x144, −1 where a scalar stands for none.
  private static let bytes: [Int16] = {
    var result = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { result[Int(scalar)] = Int16(byte) }
    return result
  }()

  /// The bytes that a token's spelling stands for; nil where a character is not of the alphabet.
  static func bytes(ofSpelling spelling: [UInt8]) -> [UInt8]? {
    spelling.withUnsafeBufferPointer { buffer -> [UInt8]? in
      guard let base = buffer.baseAddress else { return [] }
      var result: [UInt8] = []
      result.reserveCapacity(buffer.count)
      var index = 0
      while index < buffer.count {
        let (value, length) = UTF8Text.scalar(base, index)
        guard value < 0x144, bytes[Int(value)] >= 0 else { return nil }
        result.append(UInt8(bytes[Int(value)]))
        index += length
      }
      return result
    }
  }

  /// The spelling, in UTF-8, of bytes.
  static func spelling(of content: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    for byte in content {
      let value = scalars[Int(byte)]
      if value < 0x80 {
        result.append(UInt8(value))
      } else {
        result.append(UInt8(0xC0 | value >> 6))
        result.append(UInt8(0x80 | value & 0x3F))
      }
    }
    return result
  }
}
