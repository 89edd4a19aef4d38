// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// Quantiles of samples.
enum Quantiles {
  /// The quantile of a sample, between its values along a line.
  static func sample(_ sorted: [Double], _ probability: Double) -> Double {
    guard let last = sorted.last else { return .nan }
    let place = probability * Double(sorted.count - 1)
    let index = Int(bounding: place)
    guard index + 1 < sorted.count else { return last }
    return sorted[index] + (place - Double(index)) * (sorted[index + 1] - sorted[index])
  }
}
