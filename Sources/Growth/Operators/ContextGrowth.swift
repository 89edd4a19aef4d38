// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Lets a model see longer contexts.
///
/// Promises are made for inputs within the old context; new positions are trained as soon as inputs
/// are long enough. Rotary positions have no parameters: only the configuration changes.
public struct ContextGrowth: GrowthOperator {
  /// What becomes of a table of positions.
  public enum Positions: String, Sendable, Hashable, CaseIterable, Codable {
    /// Old positions keep their vectors; new ones start as in a new model.
    case extended
    /// The old vectors are stretched over all positions, linearly between neighbours, which changes
    /// the function.
    case interpolated

    /// That of a growth of which nothing else is said.
    public static let `default` = Positions.extended
  }

  /// The positions of the grown model.
  public var contextLength: Int
  /// What becomes of a table of positions.
  public var positions: Positions
  /// Another rotary embedding, which changes the function; nil to keep it.
  public var rotary: RotaryEmbedding?

  /// A growth to a context length.
  public init(
    to contextLength: Int, positions: Positions = .default, rotary: RotaryEmbedding? = nil
  ) {
    self.contextLength = contextLength
    self.positions = positions
    self.rotary = rotary
  }

  /// One plan; none where nothing changes.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for a shorter context, `invalidOptions` for a
  ///   rotary embedding of a model that has none.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    let old = model.contextLength
    try GrowthError.checkGrows("contextLength", from: old, to: contextLength)
    let turnsPairs = model.turnsPairs
    try GrowthError.check(
      rotary == nil || turnsPairs, .invalidOptions, subject: "rotary",
      "\(model.family.name) has a table of positions and no rotary embedding; leave it out"
    )
    let turnsOtherwise = rotary.map { $0 != model.rotary ?? RotaryEmbedding() } ?? false
    if contextLength == old, !turnsOtherwise { return [] }
    var target = model
    target.contextLength = contextLength
    target.rotary = rotary ?? model.rotary
    try target.validate()
    let stretches = positions == .interpolated && model.learnsPositions
    try GrowthError.check(
      !stretches || contextLength <= Self.mostStretched, .unreachable, subject: "contextLength",
      "\(contextLength) positions are too many to stretch a table over; expected at most "
        + "\(Self.mostStretched), or extended positions")
    var plan = GrowthPlan(
      operation(old, stretches: stretches, turnsOtherwise: turnsOtherwise), from: model, to: target,
      guarantees: stretches || turnsOtherwise
        ? [.symmetry, .liveness] : [.loss, .moments, .symmetry, .liveness])
    plan.maps[.position] = stretches ? stretched(old) : extended(old)
    return [plan]
  }

  /// Each stretched position is listed with what lies beside it.
  private static let mostStretched = 1 << 20

  private func operation(_ old: Int, stretches: Bool, turnsOtherwise: Bool) -> String {
    "context \(old) → \(contextLength)" + (stretches ? " (interpolated)" : "")
      + (turnsOtherwise ? " (rotary base \(rotary?.base ?? 0))" : "")
  }

  private func extended(_ old: Int) -> UnitMap {
    UnitMap(
      sourceCount: old,
      runs: [UnitMap.Run(.units(0), count: old), UnitMap.Run(.new, count: contextLength - old)])
  }

  /// The first and the last position stay the first and the last.
  private func stretched(_ old: Int) -> UnitMap {
    let runs = (0..<contextLength).map { position -> UnitMap.Run in
      let (lower, rest) = (position * (old - 1)).quotientAndRemainder(
        dividingBy: contextLength - 1)
      if rest == 0 { return UnitMap.Run(.units(lower), count: 1) }
      let fraction = Double(rest) / Double(contextLength - 1)
      return UnitMap.Run(.blend(lower: lower, fraction: fraction), count: 1)
    }
    return UnitMap(sourceCount: old, runs: runs)
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/context``.
  public static let context = integer(
    "context", .size, \.context, in: 1...1 << 28, help: "The context length.")

  /// ``GrowthDescription/positions``.
  public static let positions = choice(
    "positions", .manner, \.positions, help: "What becomes of learned positions.",
    defaultValue: .default, speaksOf: ["context"])
}
