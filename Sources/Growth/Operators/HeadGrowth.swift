// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Adds attention heads, to any numbers that keep every query head with the keys and values it had.
///
/// Key/value heads are repeated in turn. Each query head goes wherever its key/value head went; its
/// copies share its output by unequal shares, which parts them. A model can be reached if each of
/// its groups of query heads is as large as the small model's or if the copies of a group have room
/// for all of its query heads together.
public struct HeadGrowth: GrowthOperator, Hashable {
  /// Query heads of the grown model.
  public var queryHeads: Int
  /// Key/value heads of the grown model; nil to keep the number of query heads to each.
  public var keyValueHeads: Int?

  /// A growth to numbers of heads.
  ///
  /// - Parameter keyValueHeads: nil for as many as keep the size of the groups.
  public init(queryHeads: Int, keyValueHeads: Int? = nil) {
    self.queryHeads = queryHeads
    self.keyValueHeads = keyValueHeads
  }

  /// One plan; none where the numbers stay.
  ///
  /// The gradients of keys and values are multiples of the small model's only where every group
  /// holds all query heads of the group it comes from; elsewhere moments are an estimate, and
  /// ``Guarantee/moments`` is not promised.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for numbers that would part a query head from
  ///   its keys.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    let target = try target(of: model)
    if target == model { return [] }
    let groups = HeadGroups(from: model, to: target)
    try checkRoom(groups, model, target)
    var plan = GrowthPlan(
      "heads \(Self.text(model)) → \(Self.text(target))", from: model, to: target,
      guarantees: groups.areComplete
        ? [.loss, .moments, .symmetry, .liveness] : [.loss, .symmetry, .liveness])
    plan.maps = groups.maps(headSize: model.headSize)
    return [plan]
  }

  private func target(of model: ModelConfiguration) throws -> ModelConfiguration {
    let groupSize = model.headCount / model.keyValueHeadCount
    var target = model
    target.headCount = queryHeads
    target.keyValueHeadCount = keyValueHeads ?? max(queryHeads / groupSize, 1)
    try GrowthError.checkGrows("headCount", from: model.headCount, to: target.headCount)
    try GrowthError.checkGrows(
      "keyValueHeadCount", from: model.keyValueHeadCount, to: target.keyValueHeadCount)
    try GrowthError.check(
      target.headCount <= Self.mostHeads, .unreachable, subject: "headCount",
      "\(target.headCount) is more than \(Self.mostHeads); check the number")
    try GrowthError.check(
      target.headCount % target.keyValueHeadCount == 0, .unreachable, subject: "keyValueHeadCount",
      "\(target.keyValueHeadCount) does not divide the \(target.headCount) query heads; "
        + "\(target.headCount / target.keyValueHeadCount * target.keyValueHeadCount) or "
        + "\(target.headCount / target.keyValueHeadCount &* target.keyValueHeadCount &+ target.keyValueHeadCount)"
        + " query heads would do")
    try target.validate()
    try GrowthError.checkCopies("headCount", from: model.headCount, to: target.headCount)
    try GrowthError.checkCopies(
      "keyValueHeadCount", from: model.keyValueHeadCount, to: target.keyValueHeadCount)
    return target
  }

  /// Each head is listed with where it comes from.
  private static let mostHeads = 1 << 20

  private func checkRoom(
    _ groups: HeadGroups, _ model: ModelConfiguration, _ target: ModelConfiguration
  ) throws {
    let copies = target.keyValueHeadCount / model.keyValueHeadCount
    let needed = (groups.oldSize + copies - 1) / copies
    try GrowthError.check(
      copies * groups.newSize >= groups.oldSize, .unreachable, subject: "headCount",
      "\(target.headCount) query heads to \(target.keyValueHeadCount) key/value heads are "
        + "\(groups.newSize) each, but the \(copies) of some old one must take its "
        + "\(groups.oldSize) query heads; \(needed * target.keyValueHeadCount) query heads would do"
    )
  }

  private static func text(_ model: ModelConfiguration) -> String {
    model.headCount == model.keyValueHeadCount
      ? "\(model.headCount)" : "\(model.headCount)/\(model.keyValueHeadCount)"
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/heads``.
  public static let heads = GrowthParameter(
    "heads", .size, \.heads,
    help: "Query heads, and key/value heads; without the latter, groups keep their size.",
    expected: { _ in "a number of heads, such as 16, or 16:4 with key/value heads" },
    placeholder: "heads[:kv]",
    read: { written in
      guard let counts = written.pair, counts.first > 0, counts.second ?? 1 > 0 else { return nil }
      return HeadGrowth(queryHeads: counts.first, keyValueHeads: counts.second)
    },
    write: { heads in
      heads.keyValueHeads.map { .word("\(heads.queryHeads):\($0)") } ?? .integer(heads.queryHeads)
    })
}

/// Which old heads the groups of a grown attention hold.
struct HeadGroups {
  /// A query head of the grown model.
  struct Slot {
    /// The old head, counted within its group.
    var head: Int
    /// Which copy of it.
    var copy: Int
    /// Its share of the old head's output.
    var share: Double
  }
  /// A key/value head of the grown model with its query heads.
  struct Group {
    var oldGroup: Int
    var copy: Int
    var slots: [Slot]
    /// The factor on the gradients of its key and value.
    var share: Double
  }

  let oldCount: Int
  let oldSize: Int
  let newCount: Int
  let newSize: Int

  init(from model: ModelConfiguration, to target: ModelConfiguration) {
    oldCount = model.keyValueHeadCount
    oldSize = model.headCount / model.keyValueHeadCount
    newCount = target.keyValueHeadCount
    newSize = target.headCount / target.keyValueHeadCount
  }

  /// Whether each new group has room for all query heads of its old group.
  var areComplete: Bool { newSize >= oldSize }

  /// The new groups in order; group g comes from old group g modulo their number.
  var groups: [Group] {
    (0..<newCount).map { group in
      let (copy, old) = group.quotientAndRemainder(dividingBy: oldCount)
      let copies = newCount / oldCount + (old < newCount % oldCount ? 1 : 0)
      return areComplete
        ? completeGroup(old, copy: copy, of: copies) : partGroup(old, copy: copy, of: copies)
    }
  }

  /// A group with all query heads of its old one; it takes the same share of each, so that its key
  /// and value get that share of their gradients.
  private func completeGroup(_ old: Int, copy: Int, of copies: Int) -> Group {
    let share = UnitMap.unequalShare(copy, of: copies)
    let slots = (0..<newSize).map { slot in
      let (round, head) = slot.quotientAndRemainder(dividingBy: oldSize)
      let rounds = (newSize - head + oldSize - 1) / oldSize
      return Slot(
        head: head, copy: copy * rounds + round,
        share: share * UnitMap.unequalShare(round, of: rounds))
    }
    return Group(oldGroup: old, copy: copy, slots: slots, share: share)
  }

  /// A group with some of the query heads, dealt out over all copies of the group.
  private func partGroup(_ old: Int, copy: Int, of copies: Int) -> Group {
    let slots = (0..<newSize).map { slot in
      let (round, head) = (copy * newSize + slot).quotientAndRemainder(dividingBy: oldSize)
      let rounds = (copies * newSize - head + oldSize - 1) / oldSize
      return Slot(head: head, copy: round, share: UnitMap.unequalShare(round, of: rounds))
    }
    // Each head gives its key another part of the gradient: the mean is an estimate.
    let share = slots.reduce(0) { $0 + $1.share } / Double(oldSize)
    return Group(oldGroup: old, copy: copy, slots: slots, share: share)
  }

  /// The maps of heads of this many components.
  func maps(headSize: Int) -> [GrowthSpace: UnitMap] {
    let groups = groups
    let query = UnitMap(
      sourceCount: oldCount * oldSize * headSize,
      runs: groups.flatMap { group in
        group.slots.map { slot in
          UnitMap.Run(
            .units((group.oldGroup * oldSize + slot.head) * headSize), count: headSize,
            backward: slot.share, copy: slot.copy)
        }
      })
    let key = UnitMap(
      sourceCount: oldCount * headSize,
      runs: groups.map {
        UnitMap.Run(
          .units($0.oldGroup * headSize), count: headSize, backward: $0.share, copy: $0.copy)
      })
    return [.query: query, .attended: query, .key: key, .value: key]
  }
}
