// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Makes attention heads wider.
///
/// Queries are multiplied by √(d′/d), since attention divides scores by the root of the head size.
/// With rotary positions the new size must be a multiple r of the old: pair j becomes pair r · j,
/// whose frequency base^(−2rj / rd) is what pair j had. Elsewhere any larger size does.
public struct HeadSizeGrowth: GrowthOperator {
  /// The head size of the grown model.
  public var headSize: Int

  /// A growth to a head size.
  public init(to headSize: Int) { self.headSize = headSize }

  /// One plan; none where the size stays.
  ///
  /// New key components are zero and new query components free; new value components are free
  /// and nothing reads them at first. So no two factors are zero at once, even where a new block's
  /// output matrix is.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for sizes that would change frequencies.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    let old = model.headSize
    try GrowthError.checkGrows("headSize", from: old, to: headSize)
    if headSize == old { return [] }
    try GrowthError.check(
      headSize <= UnitMap.mostUnits, .unreachable, subject: "headSize",
      "\(headSize) is more than \(UnitMap.mostUnits); check the number")
    try GrowthError.check(
      !model.traits.queryKeyNorm && model.rotary?.fraction ?? 1 == 1, .unreachable,
      subject: "headSize",
      "heads of \(model.family.name) are normalised or turn in part; grow their number instead")
    let turnsPairs = model.turnsPairs
    if turnsPairs { try checkMultiple(of: old) }
    var target = model
    target.headSize = headSize
    try target.validate()
    var plan = GrowthPlan(
      "head size \(old) → \(headSize)", from: model, to: target,
      guarantees: [.loss, .moments, .symmetry, .liveness])
    let places = turnsPairs ? pairPlaces(old) : Array(0..<old)
    let root = (Double(headSize) / Double(old)).squareRoot()
    let (queries, keys) = (model.headCount, model.keyValueHeadCount)
    plan.maps = [
      .query: map(
        queries, oldSize: old, places: places, others: .new, forward: root, backward: 1 / root),
      .key: map(keys, oldSize: old, places: places, others: .silent),
      .value: map(keys, oldSize: old, places: Array(0..<old), others: .new),
      .attended: map(queries, oldSize: old, places: Array(0..<old), others: .new),
    ]
    return [plan]
  }

  private func checkMultiple(of old: Int) throws {
    let lower = headSize / old * old
    try GrowthError.check(
      lower == headSize, .unreachable, subject: "headSize",
      "\(headSize) is no multiple of the model's \(old), so rotary pairs would turn at other "
        + "frequencies; \(lower) or \(lower &+ old) would do")
  }

  /// Where the old components go: pair j lies in components j and j + d/2.
  private func pairPlaces(_ old: Int) -> [Int] {
    let (factor, half) = (headSize / old, old / 2)
    return (0..<old).map { component in
      let (upper, pair) = component.quotientAndRemainder(dividingBy: half)
      return upper * headSize / 2 + pair * factor
    }
  }

  /// All heads alike: old components at their places, others between.
  private func map(
    _ heads: Int, oldSize old: Int, places: [Int], others: UnitMap.Source, forward: Double = 1,
    backward: Double = 1
  ) -> UnitMap {
    let runs = (0..<heads).flatMap { head in
      var next = 0
      var runs: [UnitMap.Run] = []
      for (component, place) in places.enumerated() {
        runs.append(UnitMap.Run(others, count: place - next))
        runs.append(
          UnitMap.Run(
            .units(head * old + component), count: 1, forward: forward, backward: backward))
        next = place + 1
      }
      return runs + [UnitMap.Run(others, count: headSize - next)]
    }
    return UnitMap(sourceCount: heads * old, runs: runs)
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/headSize``.
  public static let headSize = integer(
    "headSize", .size, \.headSize, in: 1...1 << 28, help: "The size of a head.")
}
