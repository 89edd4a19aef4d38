// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Adds feed-forward units, to any number.
public struct FeedForwardGrowth: GrowthOperator {
  /// What the added units are.
  public enum Units: String, Sendable, Hashable, CaseIterable, Codable {
    /// Copies of the units in turn; copies of one get unequal shares of its output (Wang et al.,
    /// "LEMON", arXiv 2310.07999), which parts them.
    case duplicate
    /// New units: inputs as a new model starts them, outputs zero.
    case new

    /// That of a growth of which nothing else is said.
    public static let `default` = Units.duplicate
  }

  /// The inner size of the grown model.
  public var intermediateSize: Int
  /// What the added units are.
  public var units: Units

  /// A growth to an inner size.
  public init(to intermediateSize: Int, units: Units = .default) {
    self.intermediateSize = intermediateSize
    self.units = units
  }

  /// One plan; none where the size stays.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for a smaller size.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    let old = model.intermediateSize
    try GrowthError.checkGrows("intermediateSize", from: old, to: intermediateSize)
    if intermediateSize == old { return [] }
    var target = model
    target.intermediateSize = intermediateSize
    try target.validate()
    if units == .duplicate {
      try GrowthError.checkCopies("intermediateSize", from: old, to: intermediateSize)
    }
    var plan = GrowthPlan(
      "feed-forward \(old) → \(intermediateSize) (\(units.rawValue))", from: model, to: target,
      guarantees: [.loss, .moments, .symmetry, .liveness])
    switch units {
    case .duplicate:
      plan.maps[.feedForward] = .inTurn(old, count: intermediateSize)
    case .new:
      plan.maps[.feedForward] = UnitMap(
        sourceCount: old,
        runs: [
          UnitMap.Run(.units(0), count: old), UnitMap.Run(.new, count: intermediateSize - old),
        ])
    }
    return [plan]
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/feedForward``.
  public static let feedForward = integer(
    "ffn", .size, \.feedForward, in: 1...1 << 28, help: "The inner size of the feed-forward.",
    aliases: ["intermediate"])

  /// ``GrowthDescription/units``.
  public static let units = choice(
    "units", .manner, \.units,
    help: "What added feed-forward units are: copies with unequal shares, or new ones.",
    defaultValue: .default, speaksOf: ["ffn"])
}

extension UnitMap {
  /// All units in turn, again and again, until there are `count`; copies of a unit share its
  /// outgoing weights unequally.
  static func inTurn(_ units: Int, count: Int) -> UnitMap {
    let (rounds, rest) = count.quotientAndRemainder(dividingBy: units)
    // The first `rest` units have a copy more than the others.
    let (more, fewer) = (unequalShares(rounds + 1), unequalShares(rounds))
    let full = (0..<rounds).flatMap { round in
      [
        Run(.units(0), count: rest, backward: more[round], copy: round),
        Run(.units(rest), count: units - rest, backward: fewer[round], copy: round),
      ]
    }
    return UnitMap(
      sourceCount: units,
      runs: full + [Run(.units(0), count: rest, backward: more[rounds], copy: rounds)])
  }
}
