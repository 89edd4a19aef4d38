// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The same numbers in every run.
struct Draws {
  private let generator: Philox
  private var block: UInt64 = 0

  init(seed: UInt64) { generator = Philox(seed: seed) }

  /// Uniform in −1 ..< 1.
  mutating func values(_ count: Int) -> [Double] {
    (0..<count).map { _ in
      block += 1
      return Double(generator.words(block: block, stream: 0).x) * 0x1p-31 - 1
    }
  }
}

/// The gradient of a function by central differences, with two step sizes extrapolated
/// (Richardson), so that only rounding is left of the error.
func numericalGradient(_ x: [Double], of function: ([Double]) throws -> Double) rethrows -> [Double]
{
  try x.indices.map { index in
    func slope(_ step: Double) throws -> Double {
      var moved = x
      moved[index] = x[index] + step
      let above = try function(moved)
      moved[index] = x[index] - step
      return (above - (try function(moved))) / (2 * step)
    }
    return try (4 * slope(5e-4) - slope(1e-3)) / 3
  }
}
