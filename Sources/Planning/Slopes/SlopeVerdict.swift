// SPDX-License-Identifier: Apache-2.0

/// A slope d log L / d log C with its confidence interval.
public struct SlopeEstimate: Sendable, Hashable, Codable {
  /// The slope at the newest point.
  public var slope: Double
  /// The lower end of the interval.
  public var low: Double
  /// The upper end of the interval.
  public var high: Double

  /// Makes an estimate.
  public init(slope: Double, low: Double, high: Double) {
    self.slope = slope
    self.low = low
    self.high = high
  }
}

/// What a slope detector says after a point.
public struct SlopeVerdict: Sendable, Hashable, Codable {
  /// Where the slope stands to the threshold.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// There are too few points for a slope.
    case gathering
    /// The slope is below the threshold: go on.
    case steep
    /// The interval holds the threshold, or the slope was never seen below it: go on.
    case undecided
    /// The slope is above the threshold, but not for long enough yet: go on.
    case confirming
    /// The slope has risen above the threshold, and stays so from now on: grow, or stop.
    case crossed
  }
  /// Where the slope stands.
  public var kind: Kind
  /// The slope; nil while ``Kind/gathering``.
  public var estimate: SlopeEstimate?

  /// Whether the moment has come.
  public var hasCrossed: Bool { kind == .crossed }

  init(_ kind: Kind, estimate: SlopeEstimate?) {
    self.kind = kind
    self.estimate = estimate
  }
}
