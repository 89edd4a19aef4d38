// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Quantiles of the normal and of Student's distribution, and of samples.
enum Quantiles {
  /// The standard normal's quantile, by bisection of its distribution function.
  static func normal(_ probability: Double) -> Double {
    var low = -40.0
    var high = 40.0
    while high - low > 1e-12 {
      let middle = (low + high) / 2
      if erfc(-middle / 2.0.squareRoot()) / 2 < probability { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// Student's quantile by the expansion about the normal's (Abramowitz & Stegun 26.7.5), good to
  /// a percent from 3 degrees of freedom on.
  static func student(_ probability: Double, degreesOfFreedom: Double) -> Double {
    let z = normal(probability)
    let v = max(1, degreesOfFreedom)
    let z2 = z * z
    let first = z * (z2 + 1) / 4
    let second = z * (5 * z2 * z2 + 16 * z2 + 3) / 96
    let third = z * (3 * z2 * z2 * z2 + 19 * z2 * z2 + 17 * z2 - 15) / 384
    return z + first / v + second / (v * v) + third / (v * v * v)
  }

  /// The quantile of a sample, between its values along a line.
  static func sample(_ sorted: [Double], _ probability: Double) -> Double {
    guard let last = sorted.last else { return .nan }
    let place = probability * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
  }
}
