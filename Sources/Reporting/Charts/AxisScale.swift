// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How an axis spreads its values.
public enum AxisScale: String, Sendable, Hashable, CaseIterable {
  /// Equal differences take equal lengths.
  case linear
  /// Equal ratios take equal lengths.
  case logarithmic

  /// Whether a value has a place on the axis.
  public func shows(_ value: Double) -> Bool {
    value.isFinite && (self == .linear || value > 0)
  }

  /// The largest magnitude that is told apart: beyond it, and beyond its inverse on a logarithmic
  /// axis, all values stand at the same place, so that lengths and room are always numbers.
  private static let reach = 1e250

  /// The value, or its decimal logarithm.
  func forward(_ value: Double) -> Double {
    switch self {
    case .linear: min(max(value, -Self.reach), Self.reach)
    case .logarithmic: log10(min(max(value, 1 / Self.reach), Self.reach))
    }
  }

  /// The inverse of ``forward(_:)``.
  func backward(_ position: Double) -> Double { self == .linear ? position : pow(10, position) }
}

/// The part of an axis that is shown, and where values lie on it.
public struct AxisSpan: Sendable, Hashable {
  /// How values are spread.
  public let scale: AxisScale
  /// The lowest value.
  public let low: Double
  /// The highest value, above the lowest.
  public let high: Double

  /// A span that shows all of the values that the scale can show, with a little room around them.
  ///
  /// - Parameters:
  ///   - scale: how values are spread.
  ///   - values: what must be on the axis.
  ///   - room: the share of the length that stays free at either end.
  ///   - range: what to show instead; ignored where the scale cannot show it.
  public init(
    _ scale: AxisScale, showing values: some Sequence<Double>, room: Double = 0.04,
    range: ClosedRange<Double>? = nil
  ) {
    self.scale = scale
    if let range, scale.shows(range.lowerBound), scale.shows(range.upperBound),
      range.lowerBound < range.upperBound
    {
      (low, high) = (range.lowerBound, range.upperBound)
      return
    }
    let shown = values.filter { scale.shows($0) }.map { scale.forward($0) }
    var bottom = shown.min() ?? 0
    var top = shown.max() ?? 1
    // One value alone has no extent of its own; on a linear axis it gets some of its size.
    let least = scale == .linear ? max(abs(top), abs(bottom), 1e-12) * 1e-6 : 1e-4
    if top - bottom < least {
      let half = scale == .linear ? max(abs(top) * 0.1, 1e-6) : 0.1
      (bottom, top) = (bottom - half, top + half)
    }
    let margin = (top - bottom) * room
    // A linear axis of values that are never negative does not go below zero.
    let isUnsigned = scale == .linear && bottom >= 0
    low = scale.backward(isUnsigned ? max(0, bottom - margin) : bottom - margin)
    high = scale.backward(top + margin)
  }

  /// Where a value lies: 0 at the lowest, 1 at the highest; nil where the scale cannot show it.
  public func position(_ value: Double) -> Double? {
    guard scale.shows(value) else { return nil }
    let (bottom, top) = (scale.forward(low), scale.forward(high))
    let position = (scale.forward(value) - bottom) / (top - bottom)
    return position.isFinite ? position : nil
  }

  /// The decades that a logarithmic axis spans.
  var decades: Double { log10(high) - log10(low) }
}
