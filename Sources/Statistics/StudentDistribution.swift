// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Student's t distribution, for intervals of means of few values.
public enum StudentDistribution {
  /// The value t with P(|T| ≤ t) = confidence.
  ///
  /// - Parameters:
  ///   - confidence: between 0 and 1.
  ///   - degrees: degrees of freedom, above 0; need not be whole (Welch).
  public static func twoSidedQuantile(confidence: Double, degrees: Double) -> Double {
    var (low, high) = (0.0, 1.0)
    while tail(high, degrees) > 1 - confidence, high < 1e12 { high *= 2 }
    for _ in 0..<200 {
      let middle = (low + high) / 2
      if tail(middle, degrees) > 1 - confidence { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// P(|T| > t): the regularized incomplete beta function I_x(ν/2, 1/2) at x = ν / (ν + t²).
  public static func tail(_ t: Double, _ degrees: Double) -> Double {
    incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5)
  }

  /// I_x(a, b), by the continued fraction of DLMF 8.17.22 with Lentz's method.
  private static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    // The fraction converges fast only below the distribution's mean; above, its mirror does.
    return x < (a + 1) / (a + b + 2)
      ? betaFraction(x, a, b) : 1 - betaFraction(1 - x, b, a)
  }

  private static func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
    let front =
      exp(
        logGamma(a + b) - logGamma(a) - logGamma(b) + a * log(x) + b * log(1 - x)) / a
    let tiny = 1e-300
    func bounded(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
    var d = 1 / bounded(1 - (a + b) * x / (a + 1))
    var c = 1.0
    var fraction = d
    for step in 1...500 {
      let m = Double(step)
      let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
      d = 1 / bounded(1 + even * d)
      c = bounded(1 + even / c)
      fraction *= c * d
      let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      d = 1 / bounded(1 + odd * d)
      c = bounded(1 + odd / c)
      fraction *= c * d
      if abs(c * d - 1) < 1e-15 { break }
    }
    return front * fraction
  }

  /// ln Γ(x) for x > 0.
  ///
  /// The recurrence up to 8, then Stirling's series (DLMF 5.11.1), which is good
  /// to about 1e-13 there. The C library's function has another type on each system.
  private static func logGamma(_ x: Double) -> Double {
    var (x, shift) = (x, 0.0)
    while x < 8 {
      shift -= log(x)
      x += 1
    }
    let inverse = 1 / (x * x)
    let series =
      (1.0 / 12 - inverse
        * (1.0 / 360 - inverse
          * (1.0 / 1260 - inverse
            * (1.0 / 1680
              - inverse / 1188))))
      / x
    return shift + (x - 0.5) * log(x) - x + 0.5 * log(2 * Double.pi) + series
  }
}
