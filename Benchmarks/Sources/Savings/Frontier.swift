// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The least cost of a loss from scratch: over lengths of training, and over sizes of models.
///
/// Between two lengths of one size log loss is a straight line in log cost, beyond the longest and below
/// the shortest the nearest line goes on; between sizes the cheapest counts.
public struct Frontier: Sendable {
  /// A tuned, decayed length of one size.
  public struct Point: Sendable, Hashable {
    /// The arm.
    public var name: String
    /// The size: points of one size are joined.
    public var size: String
    /// The cost, in any unit.
    public var cost: Double
    /// The mean over seeds of the natural logarithm of the loss.
    public var logLoss: Double
    /// How many seeds.
    public var seedCount: Int

    /// Makes a point.
    public init(name: String, size: String, cost: Double, logLoss: Double, seedCount: Int) {
      self.name = name
      self.size = size
      self.cost = cost
      self.logLoss = logLoss
      self.seedCount = seedCount
    }
  }

  /// A place on the frontier.
  public struct Place: Sendable {
    /// The natural logarithm of the cost.
    public var logCost: Double
    /// The natural logarithm of the loss.
    public var logLoss: Double
    /// d log loss / d log cost there.
    public var slope: Double
    /// The two points that it is read from, with their weights, which sum to 1.
    public var weights: [(point: Point, weight: Double)]
    /// Whether it lies beyond what was measured.
    public var isExtrapolated: Bool
  }

  /// The points of each size, by rising cost.
  public let sizes: [[Point]]

  /// Makes a frontier; sizes with one length say nothing of others and are left out.
  public init(_ points: [Point]) {
    sizes = Dictionary(grouping: points, by: \.size).values
      .map { $0.sorted { $0.cost < $1.cost } }
      .filter { $0.count > 1 }
      .sorted { $0[0].size < $1[0].size }
  }

  /// Where the frontier has a loss: the cheapest size's place.
  ///
  /// - Returns: nil without two lengths of any size.
  public func place(atLogLoss logLoss: Double) -> Place? {
    sizes.compactMap { points in
      Self.best(
        Self.segments(points).compactMap { left, right in
          let slope = (right.logLoss - left.logLoss) / log(right.cost / left.cost)
          guard slope < 0 else { return nil }
          let share = (logLoss - left.logLoss) / (right.logLoss - left.logLoss)
          return Self.place(left, right, share: share, slope: slope)
        })
    }.min { $0.logCost < $1.logCost }
  }

  /// Where the frontier has a cost: the lowest loss among the sizes.
  public func place(atCost cost: Double) -> Place? {
    sizes.compactMap { points in
      Self.best(
        Self.segments(points).map { left, right in
          let width = log(right.cost / left.cost)
          return Self.place(
            left, right, share: log(cost / left.cost) / width,
            slope: (right.logLoss - left.logLoss) / width)
        })
    }.min { $0.logLoss < $1.logLoss }
  }

  private static func segments(_ points: [Point]) -> [(Point, Point)] {
    Array(zip(points, points.dropFirst()))
  }

  /// The place inside its segment, else the one that is least far outside.
  private static func best(_ places: [Place]) -> Place? {
    places.first { !$0.isExtrapolated } ?? places.min { distance($0) < distance($1) }
  }

  /// How far outside a segment, as a share of it.
  private static func distance(_ place: Place) -> Double {
    (place.weights.map { abs($0.weight) }.max() ?? 0) - 1
  }

  private static func place(
    _ left: Point, _ right: Point, share: Double, slope: Double
  ) -> Place {
    Place(
      logCost: log(left.cost) + share * log(right.cost / left.cost),
      logLoss: left.logLoss + share * (right.logLoss - left.logLoss), slope: slope,
      weights: [(left, 1 - share), (right, share)],
      isExtrapolated: !(0...1).contains(share))
  }
}
