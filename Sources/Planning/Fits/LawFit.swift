// SPDX-License-Identifier: Apache-2.0

/// A scaling law fitted to measured curves, with what the measurements leave open.
public struct LawFit: Sendable, Hashable, Codable {
  /// An interval of a number.
  public struct Interval: Sendable, Hashable, Codable {
    /// The lower end.
    public var low: Double
    /// The upper end.
    public var high: Double

    /// Makes an interval.
    public init(low: Double, high: Double) {
      self.low = low
      self.high = high
    }

    /// Whether a number lies within.
    public func contains(_ value: Double) -> Bool { low <= value && value <= high }
  }

  /// The law.
  public var law: ScalingLaw
  /// Laws fitted to curves as they might have come out as well, by a bootstrap of the residuals.
  public var draws: [ScalingLaw]
  /// The confidence of ``interval(_:)``, between 0 and 1.
  public var confidence: Double
  /// The root mean square of ln L(N, S) − ln L: the relative error of the law.
  public var relativeError: Double
  /// Points that were fitted.
  public var pointCount: Int
  /// Tokens of an optimizer step of the curves.
  public var tokensPerStep: Double
  /// The fewest and the most parameters among the curves.
  public var sizes: Interval
  /// The curves.
  public var curves: [String]

  /// The interval that holds a number of the law, from the bootstrap's quantiles.
  public func interval(_ number: (ScalingLaw) -> Double) -> Interval {
    let values = draws.map(number).filter(\.isFinite).sorted()
    return Interval(
      low: Quantiles.sample(values, (1 - confidence) / 2),
      high: Quantiles.sample(values, (1 + confidence) / 2))
  }

  /// The exponents of the law, `αN` and `αS`, that the measurements leave open: they stand at the end of
  /// what a law of learning can have, or their interval spans more than a factor of ten.
  public var undetermined: [String] {
    let exponents: [(name: String, number: (ScalingLaw) -> Double, range: ClosedRange<Double>)] = [
      ("αN", \.sizeExponent, LawModel.sizeExponents),
      ("αS", \.stepExponent, LawModel.stepExponents),
    ]
    return exponents.filter { _, number, range in
      let (value, interval) = (number(law), self.interval(number))
      let isAtEnd = value < 1.1 * range.lowerBound || value > 0.9 * range.upperBound
      return isAtEnd || interval.high > 10 * interval.low
    }.map(\.name)
  }

  /// The interval of αN.
  public var sizeExponent: Interval { interval(\.sizeExponent) }
  /// The interval of αS.
  public var stepExponent: Interval { interval(\.stepExponent) }
}
