// SPDX-License-Identifier: Apache-2.0
import Tensors

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
