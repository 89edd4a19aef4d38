// SPDX-License-Identifier: Apache-2.0
import Foundation

extension Philox {
  /// Two independent Gaussians of mean 0 and variance 1 from two words x, y, by the transform of Box &
  /// Muller (1958): √(−2 ln u) · (cos, sin)(2π v) with u = (x + ½) / 2³², v = y / 2³².
  package static func normals(_ x: UInt32, _ y: UInt32) -> SIMD2<Double> {
    let radius = (-2 * log((Double(x) + 0.5) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * Double(y) * 0x1p-32
    return SIMD2(radius * cos(angle), radius * sin(angle))
  }

  /// A number in 0 ..< 1 with 53 random bits, from the first two words of a block.
  package func uniform(block: UInt64, stream: UInt64) -> Double {
    let words = words(block: block, stream: stream)
    let bits = UInt64(words.x) << 32 | UInt64(words.y)
    return Double(bits >> 11) * 0x1p-53
  }
}
