// SPDX-License-Identifier: Apache-2.0

/// IEEE half precision by its bits, since `Float16` is missing on x86-64 macOS; without branches, so
/// that loops become vectors.
package enum Float16Bits {
  /// The equal float.
  @inlinable package static func float(_ bits: UInt16) -> Float {
    let half = UInt32(bits)
    let magnitude = (half & 0x7FFF) << 13
    // An exponent that is 112 too small; the product is exact, for subnormal halves as well.
    let finite = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let special = magnitude | 0x7F80_0000
    let isFinite = half & 0x7C00 != 0x7C00
    return Float(bitPattern: (half & 0x8000) << 16 | (isFinite ? finite : special))
  }

  /// The nearest half, ties to even; too large becomes infinity, a NaN stays one.
  @inlinable package static func bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let magnitude = bits & 0x7FFF_FFFF
    let normal = (magnitude &+ 0x0FFF &+ ((magnitude >> 13) & 1) &- (112 << 23)) >> 13
    // Beside ½ the last digit stands for 2⁻²⁴, as a subnormal half's does: adding rounds to it.
    let tiny = (Float(bitPattern: magnitude) + 0.5).bitPattern &- Float(0.5).bitPattern
    let isTiny = magnitude < 0x3880_0000
    let isLarge = magnitude >= 0x477F_F000
    let isNaN = magnitude > 0x7F80_0000
    let special: UInt32 = isNaN ? 0x7E00 : 0x7C00
    let result = isLarge ? special : isTiny ? tiny : normal
    return UInt16(truncatingIfNeeded: (bits >> 16) & 0x8000 | result)
  }
}
