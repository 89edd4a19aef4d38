// SPDX-License-Identifier: Apache-2.0

/// Ids of words seen lately: one line of 64 bytes a word, the newest word of a slot stays.
///
/// A word of up to 15 bytes is its own key (bytes and length fill 128 bits), so that a hit is exact.
final class WordCache: @unchecked Sendable {
  /// The bytes of a short word and its length.
  struct Key: Equatable {
    var low: UInt64
    var high: UInt64
  }
  /// Bytes of the longest word kept.
  static let longestWord = 15
  /// Words of more ids are not kept.
  static let mostIDs = 11

  /// A line holds the key (16 bytes), the number of ids (4) and the ids (44).
  private static let bits = 15
  private let lines: UnsafeMutableRawPointer

  init() {
    lines = .allocate(byteCount: 64 << Self.bits, alignment: 64)
    lines.initializeMemory(as: UInt8.self, repeating: 0, count: 64 << Self.bits)
  }

  deinit { lines.deallocate() }

  /// The key of a word of 1 to 15 bytes; `available` bytes can be read from `word`.
  @inline(__always)
  static func key(_ word: UnsafePointer<UInt8>, count: Int, available: Int) -> Key {
    var key = Key(low: 0, high: 0)
    if available >= 16 {
      let raw = UnsafeRawPointer(word)
      key.low = UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))
      key.high = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      if count < 8 {
        key.low &= (1 &<< UInt64(8 * count)) &- 1
        key.high = 0
      } else {
        key.high &= (1 &<< UInt64(8 * (count - 8))) &- 1
      }
    } else {
      for index in 0..<count {
        let byte = UInt64(word[index])
        if index < 8 {
          key.low |= byte << UInt64(8 * index)
        } else {
          key.high |= byte << UInt64(8 * (index - 8))
        }
      }
    }
    key.high |= UInt64(count) << 56
    return key
  }

  /// The line of 64 bytes that a key falls on.
  @inline(__always)
  private func line(_ key: Key) -> UnsafeMutableRawPointer {
    let mixed =
      (key.low ^ (key.high &* 0xC2B2_AE3D_27D4_EB4F)) &* 0x9E37_79B9_7F4A_7C15
    return lines + Int(mixed >> UInt64(64 - Self.bits)) << 6
  }

  /// Copies the ids of a word to `ids`, where there must be room for 12, and tells how many there
  /// are; −1 where the word is not here.
  @inline(__always)
  func copy(_ key: Key, to ids: UnsafeMutablePointer<Int32>) -> Int {
    let line = line(key)
    guard line.load(as: UInt64.self) == key.low,
      line.load(fromByteOffset: 8, as: UInt64.self) == key.high
    else { return -1 }
    let source = (line + 20).assumingMemoryBound(to: Int32.self)
    let count = Int(line.load(fromByteOffset: 16, as: Int32.self))
    ids[0] = source[0]
    ids[1] = source[1]
    if count > 2 { for index in 2..<count { ids[index] = source[index] } }
    return count
  }

  /// Keeps the ids of a word; those of more than ``mostIDs`` are left out.
  func insert(_ key: Key, _ ids: UnsafeMutablePointer<Int32>, count: Int) {
    guard count <= Self.mostIDs else { return }
    let line = line(key)
    line.storeBytes(of: key.low, as: UInt64.self)
    line.storeBytes(of: key.high, toByteOffset: 8, as: UInt64.self)
    line.storeBytes(of: Int32(count), toByteOffset: 16, as: Int32.self)
    for index in 0..<count {
      line.storeBytes(of: ids[index], toByteOffset: 20 + 4 * index, as: Int32.self)
    }
  }
}
