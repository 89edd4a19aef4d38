// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Noise that numbers of 16 bits can hold.
///
/// Cancelling noise keeps the function as long as W + N and −N add up to W. Rounded to 16 bits they do
/// not: on a published model of 30 layers the logits were then off by 6 %. So noise for such files is
/// chosen among the numbers for which the type holds W + N, W − N and N: multiples of W's last
/// digit, no larger than the next power of two above |W|, and one digit nearer to 0 where the sum
/// would need another. Then files lose nothing; small weights get smaller noise, and zeros none.
package struct RepresentableNoise: Sendable, Hashable {
  /// Binary digits of a number, the leading one included.
  let digitCount: Int
  /// The smallest last digit.
  let least: Double
  /// The largest weight that gets noise.
  let largest: Double

  /// The numbers of a type; nil for those with so many digits that rounding does not matter.
  package init?(_ type: DType?) {
    switch type {
    case .bfloat16: (digitCount, least, largest) = (8, 0x1p-126, 0x1p100)
    case .float16: (digitCount, least, largest) = (11, 0x1p-24, 0x1p14)
    default: return nil
    }
  }

  /// Noise for a weight, nearest to what is wished for; as the kernel does, in float64.
  func noise(_ noise: Double, besides weight: Double) -> Double {
    let size = weight.magnitude
    guard size >= 0x1p-100, size <= largest else { return 0 }
    let most = Double(1 << digitCount)
    let unit = max(size.binade * 2 / most, least)
    let m = (size / unit).rounded(.toNearestOrEven)
    var n = min(noise.magnitude / unit, most).rounded(.toNearestOrEven)
    if m + n > most, Int(m + n) % 2 != 0 { n -= 1 }
    return Double(signOf: noise, magnitudeOf: n * unit)
  }
}
