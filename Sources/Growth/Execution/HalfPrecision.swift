// SPDX-License-Identifier: Apache-2.0

/// Rows of IEEE halves, without branches, so that the compiler makes vectors of them; the same bits as
/// `Float16Bits`.
enum HalfPrecision {
  /// The equal floats.
  static func floats(
    _ halves: UnsafePointer<UInt16>, into target: UnsafeMutableBufferPointer<Float>
  ) {
    for index in target.indices {
      let half = UInt32(halves[index])
      let magnitude = (half & 0x7FFF) << 13
      // An exponent that is 112 too small; the product is exact, for subnormal halves as well.
      let finite = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
      let special = magnitude | 0x7F80_0000
      let isFinite = half & 0x7C00 != 0x7C00
      target[index] = Float(bitPattern: (half & 0x8000) << 16 | (isFinite ? finite : special))
    }
  }

  /// The nearest halves, ties to even.
  static func halves(
    _ floats: UnsafeBufferPointer<Float>, into target: UnsafeMutablePointer<UInt16>
  ) {
    for index in floats.indices {
      let bits = floats[index].bitPattern
      let magnitude = bits & 0x7FFF_FFFF
      let normal = (magnitude &+ 0x0FFF &+ ((magnitude >> 13) & 1) &- (112 << 23)) >> 13
      // Beside ½ the last digit stands for 2⁻²⁴, as a subnormal half's does: adding rounds to it.
      let tiny = (Float(bitPattern: magnitude) + 0.5).bitPattern &- Float(0.5).bitPattern
      let isTiny = magnitude < 0x3880_0000
      let isLarge = magnitude >= 0x477F_F000
      let isNaN = magnitude > 0x7F80_0000
      let special: UInt32 = isNaN ? 0x7E00 : 0x7C00
      let result = isLarge ? special : isTiny ? tiny : normal
      target[index] = UInt16(truncatingIfNeeded: (bits >> 16) & 0x8000 | result)
    }
  }
}
