// SPDX-License-Identifier: Apache-2.0

/// The counter-based random generator Philox-4x32-10 (Salmon et al., "Parallel random numbers: as
/// easy as 1, 2, 3", SC 2011): the words of any counter at once, without a state.
///
/// For a fixed key it is a bijection of counters, so different counters never share their words.
public struct Philox: Sendable, Hashable {
  /// The key's first word.
  public var key0: UInt32
  /// The key's second word.
  public var key1: UInt32

  /// A generator of this key.
  @inlinable public init(key0: UInt32, key1: UInt32) {
    self.key0 = key0
    self.key1 = key1
  }

  /// A generator whose key is a seed: its low 32 bits, then its high ones.
  @inlinable public init(seed: UInt64) {
    self.init(
      key0: UInt32(truncatingIfNeeded: seed), key1: UInt32(truncatingIfNeeded: seed >> 32))
  }

  /// The four random words of a counter.
  @inlinable public func words(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var (c0, c1, c2, c3) = (counter.x, counter.y, counter.z, counter.w)
    var (k0, k1) = (key0, key1)
    for _ in 0..<10 {
      let left = UInt64(c0) &* 0xD251_1F53
      let right = UInt64(c2) &* 0xCD9E_8D57
      c0 = UInt32(truncatingIfNeeded: right >> 32) ^ c1 ^ k0
      c1 = UInt32(truncatingIfNeeded: right)
      c2 = UInt32(truncatingIfNeeded: left >> 32) ^ c3 ^ k1
      c3 = UInt32(truncatingIfNeeded: left)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(c0, c1, c2, c3)
  }

  /// A stream of its own for a name: the name's 64-bit FNV-1a hash (Fowler, Noll & Vo).
  package static func stream(named name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// The four random words of a block of a stream: the counter is the block's low and high 32 bits,
  /// then the stream's.
  @inlinable public func words(block: UInt64, stream: UInt64) -> SIMD4<UInt32> {
    words(
      SIMD4(
        UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
        UInt32(truncatingIfNeeded: stream), UInt32(truncatingIfNeeded: stream >> 32)))
  }
}
