// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Testing

/// One operator with its options.
struct GrowthCase: Sendable, CustomTestStringConvertible {
  let name: String
  let growth: any GrowthOperator
  /// Whether the operator is meant for the model.
  var fits: @Sendable (ModelConfiguration) -> Bool = { _ in true }
  var testDescription: String { name }

  /// Every width growth.
  static let widths: [GrowthCase] = [2, 3].flatMap { factor in
    WidthGrowth.Form.allCases.flatMap { form in
      [WidthGrowth.Symmetry.noise(signalToNoise: 10), .split, .kept].flatMap { symmetry in
        LearningRatePolicy.allCases.compactMap { rates -> GrowthCase? in
          // Unequal shares have no common learning rate.
          if symmetry == .split, rates == .smallTrajectory { return nil }
          return GrowthCase(
            name: "width × \(factor) \(form) \(symmetry) \(rates)",
            growth: WidthGrowth(
              factor: factor, form: form, symmetry: symmetry, learningRates: rates))
        }
      }
    }
  }

  /// Every depth growth.
  static let depths: [GrowthCase] = DepthGrowth.Block.allCases.flatMap { block in
    let sizes: [(String, DepthGrowth)] = [
      ("interleaved × 2", DepthGrowth(factor: 2, block: block)),
      ("appended to 3", DepthGrowth(to: 3, block: block, placement: .appended)),
      ("middle to 5", DepthGrowth(to: 5, block: block, placement: .middle)),
      ("sources 0 0 1 1 0", DepthGrowth(sources: [0, 0, 1, 1, 0], block: block)),
      ("sources 1 0 (swapped)", DepthGrowth(sources: [1, 0, 1], block: block)),
      ("with moments", DepthGrowth(factor: 2, block: block, copiesMoments: true)),
    ]
    return sizes.map { name, growth in
      GrowthCase(name: "depth \(block) \(name)", growth: growth) {
        block != .identityByNorm || $0.family == .gpt2
      }
    }
  }

  /// Several growths in a row.
  static let sequences: [GrowthCase] = [
    GrowthCase(
      name: "width, then depth",
      growth: WidthGrowth(factor: 2).then(DepthGrowth(factor: 2))),
    GrowthCase(
      name: "depth, then width",
      growth: DepthGrowth(factor: 2).then(WidthGrowth(factor: 2, symmetry: .kept))),
    GrowthCase(
      name: "width, then width",
      growth: WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory)
        .then(
          WidthGrowth(
            factor: 2, form: .divided, symmetry: .kept, learningRates: .smallTrajectory))),
    GrowthCase(name: "nothing", growth: GrowthSequence([])),
  ]
}

extension GrowthCase {
  /// The growths of single axes.
  static let axes: [GrowthCase] = [
    GrowthCase(
      name: "feed-forward duplicated to 31", growth: FeedForwardGrowth(to: 31)),
    GrowthCase(
      name: "feed-forward new to 15", growth: FeedForwardGrowth(to: 15, units: .new)),
    GrowthCase(name: "query heads × 2", growth: HeadsTimes(queries: 2, keys: 1)),
    GrowthCase(name: "heads × 2", growth: HeadsTimes(queries: 2, keys: 2)),
    GrowthCase(name: "key/value heads × 2", growth: HeadsTimes(queries: 1, keys: 2)) {
      $0.headCount > $0.keyValueHeadCount
    },
    GrowthCase(name: "heads × 3", growth: HeadsTimes(queries: 3, keys: 3)),
    GrowthCase(name: "head size 8", growth: HeadSizeGrowth(to: 8)),
    GrowthCase(name: "head size 7", growth: HeadSizeGrowth(to: 7)) { $0.rotary == nil },
    GrowthCase(name: "residual to 17", growth: ResidualGrowth(to: 17)),
    GrowthCase(name: "vocabulary to 23", growth: VocabularyGrowth(to: 23)),
    GrowthCase(name: "vocabulary to 23 without noise", growth: VocabularyGrowth(to: 23, noise: 0)),
    GrowthCase(name: "context to 20", growth: ContextGrowth(to: 20)),
    GrowthCase(
      name: "context interpolated", growth: ContextGrowth(to: 23, positions: .interpolated)),
  ]

  /// Several axes in a row and at once.
  static let compositions: [GrowthCase] = [
    GrowthCase(
      name: "all axes in a row",
      growth: GrowthSequence([
        FeedForwardGrowth(to: 14), HeadsTimes(queries: 2, keys: 2), HeadSizeGrowth(to: 8),
        ResidualGrowth(to: 15), ContextGrowth(to: 16), DepthGrowth(to: 3),
      ])),
    GrowthCase(
      name: "axes, then width",
      growth: GrowthSequence([
        FeedForwardGrowth(to: 14), HeadSizeGrowth(to: 8), WidthGrowth(factor: 2),
      ])),
    GrowthCase(
      name: "width, then feed-forward",
      growth: WidthGrowth(factor: 2).then(FeedForwardGrowth(to: 31))),
    GrowthCase(
      name: "feed-forward, then depth",
      growth: FeedForwardGrowth(to: 31).then(DepthGrowth(factor: 2))),
    GrowthCase(
      name: "depth, then heads",
      growth: DepthGrowth(factor: 2).then(HeadsTimes(queries: 2, keys: 2))),
    GrowthCase(
      name: "plain copies of layers, then feed-forward",
      growth: DepthGrowth(factor: 2, block: .copy).then(FeedForwardGrowth(to: 31))),
    GrowthCase(name: "to a configuration", growth: ToLarger()),
  ]
}

/// So many times as many heads as the model has.
private struct HeadsTimes: GrowthOperator {
  var queries: Int
  var keys: Int

  func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    try HeadGrowth(
      queryHeads: queries * model.headCount, keyValueHeads: keys * model.keyValueHeadCount
    ).plans(from: model)
  }
}

/// To a configuration that is larger in everything but the vocabulary.
private struct ToLarger: GrowthOperator {
  func plans(from model: ModelConfiguration) throws -> [GrowthPlan] {
    var target = model
    target.hiddenSize *= 2
    target.headCount *= 2
    target.keyValueHeadCount *= 2
    target.intermediateSize = 3 * model.intermediateSize + 1
    target.layerCount += 1
    target.contextLength += 4
    return try ConfigurationGrowth(to: target).plans(from: model)
  }
}
