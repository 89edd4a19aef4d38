// SPDX-License-Identifier: Apache-2.0

/// A hash of numbers under a seed, the same on every machine.
package enum SeededHash {
  /// Mixes the bits of a value: the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable
  /// pseudorandom number generators", 2014), a bijection.
  package static func mix(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
    return bits ^ bits >> 31
  }

  /// The hash of one index: element `index` of the SplitMix64 stream that begins at the mixed seed.
  package static func value(seed: UInt64, index: UInt64) -> UInt64 {
    let step: UInt64 = 0x9e37_79b9_7f4a_7c15
    return mix(mix(seed &+ step) &+ (index &+ 1) &* step)
  }

  /// The hash as a number from 0 up to, but not, 1.
  package static func unitValue(seed: UInt64, index: UInt64) -> Double {
    Double(value(seed: seed, index: index) >> 11) * 0x1p-53
  }
}
