// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Espalier
import Foundation
import Wording

/// The growth that options ask for.
struct GrowthRequest {
  let sizes: GrowthSizeOptions
  let manner: GrowthMannerOptions
  let recipes: GrowthRecipeOptions

  /// The operators in their order, as one.
  func growth(of model: ModelConfiguration) throws -> GrowthSequence {
    if let path = sizes.to { return GrowthSequence([try configurationGrowth(path, model)]) }
    var growths: [any GrowthOperator] = []
    if let factor = sizes.width {
      growths.append(
        WidthGrowth(
          factor: factor, form: manner.widthForm ?? .blockDiagonal,
          symmetry: manner.widthSymmetry,
          learningRates: manner.learningRates?.policy ?? .target))
    }
    if let size = sizes.hidden { growths.append(ResidualGrowth(to: size)) }
    if let heads = sizes.heads {
      growths.append(HeadGrowth(queryHeads: heads.query, keyValueHeads: heads.keyValue))
    }
    if let size = sizes.headSize { growths.append(HeadSizeGrowth(to: size)) }
    if let size = sizes.ffn {
      growths.append(FeedForwardGrowth(to: size, units: manner.units ?? .duplicate))
    }
    if let experts = recipes.expertGrowth { growths.append(experts) }
    growths += try depth()
    if let size = sizes.vocabulary { growths.append(VocabularyGrowth(to: size)) }
    if let length = sizes.context {
      growths.append(ContextGrowth(to: length, positions: manner.positions ?? .extended))
    }
    return GrowthSequence(growths)
  }

  private func depth() throws -> [any GrowthOperator] {
    if let merge = try recipes.merge() { return [merge] }
    let block = manner.block ?? .identityByOutput
    let placement = manner.placement?.placement ?? .interleaved
    if let factor = sizes.depth {
      return [scaled(DepthGrowth(factor: factor, block: block, placement: placement))]
    }
    switch sizes.layers {
    case .count(let count):
      return [scaled(DepthGrowth(to: count, block: block, placement: placement))]
    case .sources(let sources): return [scaled(DepthGrowth(sources: sources, block: block))]
    case nil: return []
    }
  }

  private func scaled(_ growth: DepthGrowth) -> DepthGrowth {
    var growth = growth
    growth.outputScale = recipes.outputScale ?? 1
    return growth
  }

  private func configurationGrowth(
    _ path: String, _ model: ModelConfiguration
  ) throws -> ConfigurationGrowth {
    let data: Data
    do { data = try RegularFile.contents(of: path, atMost: 64 << 20) } catch {
      throw GrowthError(
        .unreadableSource, "\(error.message); expected the config.json of a model", subject: path)
    }
    var target = try HuggingFaceConfiguration(data, file: path).model
    // What a file leaves out is the family's default dropout, which is no size to be reached.
    target.dropout = model.dropout
    return ConfigurationGrowth(
      to: target, form: manner.widthForm ?? .blockDiagonal, symmetry: manner.widthSymmetry,
      feedForward: manner.units ?? .duplicate, block: manner.block ?? .identityByOutput,
      placement: manner.placement?.placement ?? .interleaved,
      positions: manner.positions ?? .extended)
  }
}
