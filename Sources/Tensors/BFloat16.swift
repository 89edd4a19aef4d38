// SPDX-License-Identifier: Apache-2.0

/// A 16-bit float with the exponent range of `Float` and 8 bits of significand.
public struct BFloat16: Sendable, Hashable {
  /// The upper 16 bits of the equal `Float`.
  public var bitPattern: UInt16

  /// Makes the number with these bits.
  @inlinable public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
  @inlinable public init(_ value: Float) {
    let bits = value.bitPattern
    if value.isNaN {
      bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x0040
    } else {
      bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
  }
}

extension Float {
  /// The equal `Float`; every bfloat16 is one.
  @inlinable public init(_ value: BFloat16) {
    self.init(bitPattern: UInt32(value.bitPattern) << 16)
  }
}
