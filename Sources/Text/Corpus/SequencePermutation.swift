// SPDX-License-Identifier: Apache-2.0

/// A pseudorandom permutation of 0 ..< `count` that is computed place by place, never stored.
///
/// A Feistel network permutes the smallest even number of bits that holds `count`; results that are
/// not below `count` are permuted again until one is ("cycle walking": Black and Rogaway, "Ciphers
/// with arbitrary finite domains", 2002). On average fewer than four rounds of walking are needed.
public struct SequencePermutation: Sendable, Hashable {
  /// How many numbers are permuted.
  public let count: Int
  private let halfBits: UInt64
  private let keys: [UInt64]

  private static let roundCount: UInt64 = 8

  /// The permutation for a seed and an epoch.
  public init(count: Int, seed: UInt64, epoch: Int) {
    precondition(count > 0, "a permutation of \(count) numbers")
    self.count = count
    let bits = UInt64(UInt64.bitWidth - UInt64(count - 1).leadingZeroBitCount)
    halfBits = max(1, (bits + 1) / 2)
    let epochSeed = SeededHash.value(seed: seed, index: UInt64(bitPattern: Int64(epoch)))
    keys = (0..<Self.roundCount).map { SeededHash.value(seed: epochSeed, index: $0) }
  }

  /// The number at a place.
  public subscript(_ place: Int) -> Int {
    precondition(place >= 0 && place < count, "place \(place) of \(count)")
    var value = UInt64(place)
    repeat { value = permuted(value) } while value >= UInt64(count)
    return Int(value)
  }

  private func permuted(_ value: UInt64) -> UInt64 {
    let mask: UInt64 = (1 << halfBits) - 1
    var (left, right) = (value >> halfBits, value & mask)
    for key in keys {
      (left, right) = (right, left ^ (SeededHash.mix(right ^ key) & mask))
    }
    return left << halfBits | right
  }
}
