// SPDX-License-Identifier: Apache-2.0
import Foundation
import Statistics

/// How one group of runs stands to another in one quantity, as a relative difference with its
/// spread over the runs.
///
/// All means are of logarithms, so that doubling and halving weigh the same. The interval is that of
/// Student's t for two groups of unequal variance (Welch 1947), with the degrees of freedom of
/// Welch and Satterthwaite; a group of one run brings no variance of its own.
public struct Contrast: Sendable, Hashable, Encodable {
  /// What a value says where a curve did not reach the place of comparison.
  public enum Bound: String, Sendable, Hashable, Encodable {
    /// The value itself.
    case exact
    /// The true value is this or higher.
    case atLeast
    /// The true value is this or lower.
    case atMost
  }

  /// The value of one run of the first group against the mean of the second.
  public struct Value: Sendable, Hashable, Encodable {
    /// The run's name.
    public var name: String
    /// The relative difference.
    public var value: Double
    /// Whether it is a bound.
    public var bound: Bound
  }

  /// The mean over the first group.
  public var mean: Double
  /// Whether the mean is a bound, since one of the values is.
  public var bound: Bound
  /// Each run of the first group.
  public var values: [Value]
  /// The lowest of the values.
  public var lowest: Double
  /// The highest of the values.
  public var highest: Double
  /// Where the mean lies with the given confidence; nil with one run on either side, or bounds.
  public var interval: Interval?

  /// An interval of the mean.
  public struct Interval: Sendable, Hashable, Encodable {
    /// Its lower end.
    public var low: Double
    /// Its upper end.
    public var high: Double
    /// The confidence, such as 0.95.
    public var confidence: Double
  }

  /// A log ratio, and what it says about the ratio.
  struct LogRatio: Hashable {
    var value: Double
    var bound: Bound
  }

  /// How a ratio becomes the difference that is told.
  enum Reading {
    /// 1 − ratio: what is saved.
    case saving
    /// ratio − 1: what is gained.
    case excess

    func value(_ logRatio: Double) -> Double {
      self == .saving ? -expm1(logRatio) : expm1(logRatio)
    }

    /// A saving is the higher, the lower the ratio.
    func bound(_ bound: Bound) -> Bound {
      switch (self, bound) {
      case (.saving, .atLeast): .atMost
      case (.saving, .atMost): .atLeast
      default: bound
      }
    }
  }

  /// Summarizes log ratios of every run of the first group to every run of the second.
  ///
  /// - Parameters:
  ///   - ratios: a row for each of the names; rows of equal length, without those that are unknown.
  /// - Returns: nil where no ratio is known.
  init?(names: [String], ratios: [[LogRatio?]], reading: Reading, confidence: Double) {
    let rows = zip(names, ratios).compactMap { name, row -> (name: String, mean: LogRatio)? in
      Self.mean(row.compactMap { $0 }).map { (name, $0) }
    }
    guard let all = Self.mean(rows.map(\.mean)) else { return nil }
    mean = reading.value(all.value)
    bound = reading.bound(all.bound)
    values = rows.map {
      Value(
        name: $0.name, value: reading.value($0.mean.value), bound: reading.bound($0.mean.bound))
    }
    lowest = values.map(\.value).min() ?? mean
    highest = values.map(\.value).max() ?? mean
    interval = nil
    guard all.bound == .exact, let half = Self.halfWidth(ratios, confidence: confidence) else {
      return
    }
    let ends = [reading.value(all.value - half), reading.value(all.value + half)].sorted()
    interval = Interval(low: ends[0], high: ends[1], confidence: confidence)
  }

  /// The mean, a bound where one of the values is; nil for none, or bounds of both kinds.
  private static func mean(_ ratios: [LogRatio]) -> LogRatio? {
    let bounds = Set(ratios.map(\.bound)).subtracting([.exact])
    guard !ratios.isEmpty, bounds.count < 2 else { return nil }
    return LogRatio(
      value: ratios.reduce(0) { $0 + $1.value } / Double(ratios.count),
      bound: bounds.first ?? .exact)
  }

  /// Half the length of the interval of the mean of all ratios; nil where nothing varies.
  private static func halfWidth(_ ratios: [[LogRatio?]], confidence: Double) -> Double? {
    let table = ratios.map { row in row.compactMap { $0?.value } }
    guard let width = table.first?.count, width > 0, table.allSatisfy({ $0.count == width })
    else { return nil }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    let rows = table.map(mean)
    let columns = (0..<width).map { column in mean(table.map { $0[column] }) }
    // The variance of each group's mean, and its degrees of freedom.
    let parts = [rows, columns].filter { $0.count > 1 }.map { values in
      let centre = mean(values)
      let squares = values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) }
      let n = Double(values.count)
      return (variance: squares / (n - 1) / n, degrees: n - 1)
    }
    let variance = parts.reduce(0) { $0 + $1.variance }
    guard !parts.isEmpty else { return nil }
    guard variance > 0 else { return 0 }
    let degrees =
      variance * variance
      / parts.reduce(0) { $0 + $1.variance * $1.variance / $1.degrees }
    return StudentDistribution.twoSidedQuantile(confidence: confidence, degrees: degrees)
      * variance.squareRoot()
  }
}
