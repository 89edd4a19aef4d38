// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Rounds numbers to one of their two neighbours in another type, on average to themselves.
///
/// Element e is decided by word e % 4 of block e / 4 of a random stream of the tensor's own, so any
/// range can be rounded by itself. A number that the type holds stays; one whose upper neighbour
/// would be infinite is rounded to nearest.
struct StochasticRounding: Sendable {
  private let generator: Philox
  private let stream: UInt64

  init(seed: UInt64, tensor: String) {
    generator = Philox(seed: seed)
    stream = Philox.stream(named: "rounding of " + tensor)
  }

  /// Writes the numbers of elements from `first` on.
  func encode<Scalar: GrowthScalar>(
    _ elements: UnsafeBufferPointer<Scalar>, first: Int, as type: DType,
    into bytes: UnsafeMutableRawPointer
  ) {
    guard let format = type.format else { return Scalar.encode(elements, as: type, into: bytes) }
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: elements.count) { rounded in
      var index = 0
      while index < elements.count {
        let (block, lane) = (first + index).quotientAndRemainder(dividingBy: 4)
        let words = generator.words(block: UInt64(block), stream: stream)
        for word in lane..<min(4, lane + elements.count - index) {
          rounded[index] = Self.rounded(elements[index], to: format, words[word])
          index += 1
        }
      }
      // What has been rounded is exact in the type.
      Scalar.encode(UnsafeBufferPointer(rounded), as: type, into: bytes)
    }
  }

  /// The neighbour below in magnitude, or the one above where word / 2³² is less than the part of
  /// the way that the number has gone.
  private static func rounded<Scalar: GrowthScalar>(
    _ value: Scalar, to format: FloatingPointFormat, _ word: UInt32
  ) -> Scalar {
    let magnitude = Double(value.magnitude)
    guard magnitude > 0, magnitude < format.greatestFiniteMagnitude, format.digits < 53 else {
      return value
    }
    let exponent = max(Int(magnitude.exponent), format.leastExponent)
    let unit = Double(sign: .plus, exponent: exponent - format.digits + 1, significand: 1)
    // Powers of two: quotient and product are exact.
    let quotient = magnitude / unit
    let below = quotient.rounded(.down)
    let isUp = Double(word) * 0x1p-32 < quotient - below
    let result = (below + (isUp ? 1 : 0)) * unit
    return Scalar(value.sign == .minus ? -result : result)
  }
}
