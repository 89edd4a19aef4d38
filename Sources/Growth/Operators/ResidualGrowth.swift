// SPDX-License-Identifier: Apache-2.0
import Architectures

/// Widens the residual stream to any size, and nothing else.
///
/// Under a root-mean-square norm the new units hold zero. Under a layer norm they hold the mean of
/// the others, so that neither the mean nor any difference from it changes. Either way the mean
/// square falls by D/D′: gains are multiplied by √(D/D′) and ε by D/D′, which the grown
/// configuration holds. The norms give zero for the new units, so weights that read them are free.
public struct ResidualGrowth: GrowthOperator {
  /// The width of the grown model.
  public var hiddenSize: Int
  /// Whether blocks will be added next, which make units alive that a model without blocks never
  /// trains.
  var isFollowedByBlocks = false

  /// A growth to a width.
  public init(to hiddenSize: Int) { self.hiddenSize = hiddenSize }

  /// One plan; none where the width stays.
  ///
  /// Layer norms average the gradients over all units, new ones too. So what writes to the stream
  /// gets no multiple of the small model's gradients, and ``Guarantee/moments`` is not promised.
  ///
  /// - Throws: ``GrowthError`` of code `unreachable` for a smaller width, `deadParameters` for a model
  ///   without blocks whose head is tied: its zeros would get no gradient ever.
  public func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try model.validate()
    let old = model.hiddenSize
    try GrowthError.checkGrows("hiddenSize", from: old, to: hiddenSize)
    if hiddenSize == old { return [] }
    try GrowthError.check(
      !model.traits.queryKeyNorm, .unreachable, subject: "hiddenSize",
      "the norms of queries and keys of \(model.family.name) share their ε with those of the stream, "
        + "which would change; repeat the width by a whole factor instead")
    try GrowthError.check(
      model.traits.gain != .none, .unreachable, subject: "hiddenSize",
      "the norms of \(model.family.name) have no gains that could make up for the new units; repeat "
        + "the width by a whole factor instead")
    let ratio = Double(old) / Double(hiddenSize)
    var target = model
    target.hiddenSize = hiddenSize
    target.normEpsilon *= ratio
    try target.validate()
    let centres = model.centresNorms
    var plan = GrowthPlan(
      "residual \(old) → \(hiddenSize)", from: model, to: target,
      guarantees: try guarantees(model, centres: centres))
    plan.normScale = ratio.squareRoot()
    plan.maps = [
      .stream: map(old, centres ? .mean : .silent), .normed: map(old, .silent),
      .final: finalMap(model, target),
    ]
    return [plan]
  }

  /// A tied table is divided where the model multiplies token vectors by more; the last norm makes
  /// up for it.
  private func finalMap(_ model: ModelConfiguration, _ target: ModelConfiguration) -> UnitMap {
    let read = model.tiesHead ? model.embeddingScale / target.embeddingScale : 1
    return UnitMap(
      sourceCount: model.hiddenSize,
      runs: [
        UnitMap.Run(.units(0), count: model.hiddenSize, forward: 1 / read, backward: read),
        UnitMap.Run(.silent, count: hiddenSize - model.hiddenSize),
      ])
  }

  private func map(_ old: Int, _ added: UnitMap.Source) -> UnitMap {
    UnitMap(
      sourceCount: old,
      runs: [UnitMap.Run(.units(0), count: old), UnitMap.Run(added, count: hiddenSize - old)])
  }

  private func guarantees(_ model: ModelConfiguration, centres: Bool) throws -> Guarantees {
    let promised: Guarantees =
      centres ? [.loss, .symmetry, .liveness] : [.loss, .moments, .symmetry, .liveness]
    guard model.layerCount == 0, model.tiesHead, !isFollowedByBlocks else { return promised }
    try GrowthError.check(
      centres, .deadParameters, subject: "hiddenSize",
      "new units of a model without layers and with a tied head stay zero for ever; add layers first"
    )
    // All new units are read by themselves alone, so they stay copies.
    return promised.subtracting([.symmetry])
  }
}

extension GrowthParameter {
  /// ``GrowthDescription/hidden``.
  public static let hidden = integer(
    "hidden", .size, \.hidden, in: 1...1 << 28,
    help: "The width of the residual stream, by padding.")
}
