// SPDX-License-Identifier: Apache-2.0

/// How shards hold a token: an unsigned little-endian integer.
public enum TokenType: String, Sendable, Hashable, Codable, CaseIterable {
  case uint16, uint32

  /// The narrowest type for ids below a vocabulary size.
  public init(vocabularySize: Int) {
    self = vocabularySize <= 1 << 16 ? .uint16 : .uint32
  }

  /// Bytes of one token.
  public var byteWidth: Int {
    switch self {
    case .uint16: 2
    case .uint32: 4
    }
  }

  /// Appends tokens in this type; nil, or the first token that is not below `vocabularySize`.
  package func append(
    _ tokens: ArraySlice<Int32>, to bytes: inout [UInt8], vocabularySize: Int
  ) -> Int32? {
    switch self {
    case .uint16:
      Self.append(tokens, as: UInt16.self, to: &bytes, vocabularySize: vocabularySize)
    case .uint32:
      Self.append(tokens, as: UInt32.self, to: &bytes, vocabularySize: vocabularySize)
    }
  }

  /// Reads tokens of this type into `output`, one for each of its elements; the largest of them.
  package func read(
    _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableBufferPointer<Int32>
  ) -> UInt32 {
    switch self {
    case .uint16: Self.read(bytes, as: UInt16.self, into: output)
    case .uint32: Self.read(bytes, as: UInt32.self, into: output)
    }
  }

  /// How many of the tokens in `bytes` are `token`.
  package func count(of token: Int32, in bytes: UnsafeRawBufferPointer) -> Int {
    switch self {
    case .uint16: Self.count(of: UInt16(truncatingIfNeeded: token), in: bytes)
    case .uint32: Self.count(of: UInt32(truncatingIfNeeded: token), in: bytes)
    }
  }

  private static func append<Integer: FixedWidthInteger>(
    _ tokens: ArraySlice<Int32>, as: Integer.Type, to bytes: inout [UInt8], vocabularySize: Int
  ) -> Int32? {
    // As unsigned numbers negative ids are above every vocabulary.
    let limit = UInt32(clamping: vocabularySize)
    if let outside = tokens.first(where: { UInt32(bitPattern: $0) >= limit }) { return outside }
    let words = [Integer](unsafeUninitializedCapacity: tokens.count) { words, count in
      for (index, token) in tokens.enumerated() {
        words[index] = Integer(truncatingIfNeeded: token).littleEndian
      }
      count = tokens.count
    }
    words.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return nil
  }

  private static func read<Integer: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, as: Integer.Type,
    into output: UnsafeMutableBufferPointer<Int32>
  ) -> UInt32 {
    var largest: Integer = 0
    let width = MemoryLayout<Integer>.size
    for index in output.indices {
      let raw = bytes.loadUnaligned(fromByteOffset: index &* width, as: Integer.self)
      let token = Integer(littleEndian: raw)
      largest = max(largest, token)
      output[index] = Int32(truncatingIfNeeded: token)
    }
    return UInt32(largest)
  }

  private static func count<Integer: FixedWidthInteger>(
    of token: Integer, in bytes: UnsafeRawBufferPointer
  ) -> Int {
    let wanted = token.littleEndian
    var count = 0
    for offset in stride(from: 0, to: bytes.count, by: MemoryLayout<Integer>.size) {
      count &+= bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self) == wanted ? 1 : 0
    }
    return count
  }
}
