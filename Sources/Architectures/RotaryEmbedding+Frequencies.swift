// SPDX-License-Identifier: Apache-2.0
import Foundation

extension RotaryEmbedding {
  /// Radians per position of each pair of a head, stretched as ``scaling`` says.
  ///
  /// - Parameter headSize: components of a head, of which an even number turns.
  /// - Returns: a frequency for each pair of the r components that turn; number j turns components j
  ///   and j + r / 2.
  public func frequencies(headSize: Int) -> [Double] {
    let size = turnedSize(headSize: headSize)
    return (0..<size / 2).map { pair in
      scaled(pow(base, -2 * Double(pair) / Double(size)))
    }
  }

  /// Llama 3.1 keeps frequencies of at least `highFrequencyFactor` turns in the original context,
  /// divides those of at most `lowFrequencyFactor`, and blends linearly between.
  private func scaled(_ frequency: Double) -> Double {
    switch scaling {
    case .none: return frequency
    case .linear(let factor): return frequency / factor
    case .llama3(let factor, let low, let high, let originalContextLength):
      let turns = Double(originalContextLength) * frequency / (2 * Double.pi)
      let kept = min(max((turns - low) / (high - low), 0), 1)
      return frequency * (kept + (1 - kept) / factor)
    }
  }
}
