// SPDX-License-Identifier: Apache-2.0
import Architectures

extension GrowthDescription {
  /// What of all that is said does nothing in a growth of one model into another, with a sentence about it;
  /// nil where everything has something to speak of.
  ///
  /// - Parameters:
  ///   - large: what the growth makes of `small`.
  ///   - spelling: how the sentence names parameters.
  public func useless(
    from small: ModelConfiguration, to large: ModelConfiguration,
    _ spelling: GrowthParameter.Spelling
  ) -> (parameter: GrowthParameter, message: String)? {
    if positions == .interpolated, !small.learnsPositions {
      return (
        .positions,
        "there is no table to be stretched in \(small.family.name), whose positions turn pairs of "
          + "components; remove \(GrowthParameter.positions.name(spelling))"
      )
    }
    let names = hasSizes ? sizeNames : ConfigurationGrowth(to: large).sizeNames(from: small)
    let unused = given.first { parameter in
      !parameter.speaksOf.isEmpty && names.isDisjoint(with: parameter.speaksOf)
    }
    return unused.map { parameter in
      let sizes = parameter.speaksOf.map { GrowthParameter.name($0, spelling) }
      return (
        parameter,
        hasSizes
          ? "does nothing without \(sizes.joined(separator: " or ")); remove it"
          : "speaks of \(sizes.joined(separator: " or ")), and nothing of that grows on the way to the "
            + "model; remove it"
      )
    }
  }
}

extension ConfigurationGrowth {
  /// The names of the sizes that grow on the way from a model, as a description would say them.
  fileprivate func sizeNames(from model: ModelConfiguration) -> Set<String> {
    let factor = widthFactor(from: model)
    let (to, heads) = (configuration, [configuration.headCount, configuration.keyValueHeadCount])
    let sizes: [(GrowthParameter, Bool)] = [
      (.width, factor > 1), (.hidden, to.hiddenSize != factor * model.hiddenSize),
      (.heads, heads != [factor * model.headCount, factor * model.keyValueHeadCount]),
      (.headSize, to.headSize != model.headSize),
      (.feedForward, to.intermediateSize != factor * model.intermediateSize),
      (.layers, to.layerCount != model.layerCount),
      (.vocabulary, to.vocabularySize != model.vocabularySize),
      (.context, to.contextLength != model.contextLength),
    ]
    return Set(sizes.filter(\.1).map(\.0.name))
  }
}
