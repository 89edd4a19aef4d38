// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The scaling law as a function of free numbers, centred so that they hardly depend on each other.
///
///     ln L = ln(exp(u − αN · n) + exp(v − αS · s) + exp(w)),   n = ln N − mean,   s = ln S − mean
///
/// with the parameters u, ln αN, v, ln αS and, with an irreducible loss, w.
struct LawModel {
  /// A measurement.
  struct Sample {
    /// ln N less its mean.
    var n: Double
    /// ln S less its mean.
    var s: Double
    /// ln L.
    var y: Double
    /// Which curve it is of.
    var run: Int
  }

  let hasIrreducibleLoss: Bool
  let meanLogSize: Double
  let meanLogStep: Double

  var parameterCount: Int { hasIrreducibleLoss ? 5 : 4 }

  /// The residual ln L(N, S) − ln L and its derivatives by the parameters.
  func residual(_ sample: Sample, _ p: [Double], _ gradient: inout [Double]) -> Double {
    let sizeExponent = exp(p[1])
    let stepExponent = exp(p[3])
    let size = exp(p[0] - sizeExponent * sample.n)
    let step = exp(p[2] - stepExponent * sample.s)
    let floor = hasIrreducibleLoss ? exp(p[4]) : 0
    let loss = size + step + floor
    gradient[0] = size / loss
    gradient[1] = -size * sizeExponent * sample.n / loss
    gradient[2] = step / loss
    gradient[3] = -step * stepExponent * sample.s / loss
    if hasIrreducibleLoss { gradient[4] = floor / loss }
    return log(loss) - sample.y
  }

  /// The αN that a law of learning can have.
  static let sizeExponents = 1e-3...8.0
  /// The αS that a law of learning can have.
  static let stepExponents = 1e-2...8.0

  /// Whether parameters are such as a law of learning can have.
  func allows(_ p: [Double]) -> Bool {
    p.allSatisfy(\.isFinite) && (log(1e-3)...log(8)).contains(p[1])
      && (log(1e-2)...log(8)).contains(p[3]) && p[0] < 10 && p[2] < 20
      && (!hasIrreducibleLoss || p[4] > -12)
  }

  /// The law of these parameters.
  func law(_ p: [Double]) -> ScalingLaw {
    let sizeExponent = exp(p[1])
    let stepExponent = exp(p[3])
    return ScalingLaw(
      sizeExponent: sizeExponent, sizeScale: exp(p[0] / sizeExponent + meanLogSize),
      stepExponent: stepExponent, stepScale: exp(p[2] / stepExponent + meanLogStep) / 2,
      irreducibleLoss: hasIrreducibleLoss ? exp(p[4]) : 0)
  }

  /// Where to begin a search, from several guesses of exponents and shares of the loss.
  func starts(lowest: Double, mean: Double) -> [[Double]] {
    var starts: [[Double]] = []
    for sizeExponent in [0.05, 0.15, 0.4] {
      for stepExponent in [0.4, 0.8] {
        for share in hasIrreducibleLoss ? [0.3, 0.7] : [0] {
          let above = max(0.05 * mean, mean - lowest)
          let size = 0.9 * lowest * (1 - share)
          var start = [log(size), log(sizeExponent), log(above), log(stepExponent)]
          if hasIrreducibleLoss { start.append(log(0.9 * lowest * share)) }
          starts.append(start)
        }
      }
    }
    return starts
  }
}
