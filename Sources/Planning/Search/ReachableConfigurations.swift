// SPDX-License-Identifier: Apache-2.0
import Architectures
import Wording

/// Which models can be grown into which.
///
/// The search proposes no stage that this does not allow; replace it to plan with other growth
/// operators.
public protocol ReachableConfigurations: Sendable {
  /// Why a model cannot be grown into another; nil where it can.
  ///
  /// A model that is the other already cannot be grown into it.
  func obstacle(from source: ModelConfiguration, to target: ModelConfiguration) -> String?

  /// Smaller models from which growth may lead to a target.
  func sources(of target: ModelConfiguration) -> [ModelConfiguration]

  /// The growth in words, such as "width × 2, depth 6 → 12".
  func description(from source: ModelConfiguration, to target: ModelConfiguration) -> String
}

/// Growth of the width by a whole factor, heads and feed-forward following it at an equal head size,
/// and of the depth from any number of layers, none included, to any larger one.
public struct IntegerGrowth: ReachableConfigurations, Hashable {
  /// Makes the rule.
  public init() {}

  /// The first size that does not fit; nil where growth can lead from one to the other.
  public func obstacle(
    from source: ModelConfiguration, to target: ModelConfiguration
  ) -> String? {
    guard source != target else { return "the models are the same" }
    guard source.layerCount <= target.layerCount else {
      return
        "the small model's \(counted(source.layerCount, "layer")) exceed the large one's \(target.layerCount)"
    }
    guard source.hiddenSize > 0, target.hiddenSize % source.hiddenSize == 0 else {
      return "the width \(target.hiddenSize) is no whole multiple of \(source.hiddenSize)"
    }
    let factor = target.hiddenSize / source.hiddenSize
    guard Self.narrowed(target, by: factor, layerCount: source.layerCount) == source else {
      return "at \(factor) times the width, heads, feed-forward or another setting do not follow"
    }
    return nil
  }

  /// Every divisor of the width that heads and feed-forward share, at every number of layers from 1
  /// (at most 64 of them, evenly chosen).
  public func sources(of target: ModelConfiguration) -> [ModelConfiguration] {
    guard target.headCount > 0, target.layerCount > 0 else { return [] }
    let layers = Self.layerCounts(upTo: target.layerCount)
    return (1...target.headCount).flatMap { factor in
      layers.compactMap { Self.narrowed(target, by: factor, layerCount: $0) }
    }
    .filter { obstacle(from: $0, to: target) == nil }
  }

  /// The factor of the width and the numbers of layers.
  public func description(
    from source: ModelConfiguration, to target: ModelConfiguration
  ) -> String {
    var parts: [String] = []
    if source.hiddenSize > 0, target.hiddenSize != source.hiddenSize {
      parts.append("width × \(target.hiddenSize / source.hiddenSize)")
    }
    if target.layerCount != source.layerCount {
      parts.append("depth \(source.layerCount) → \(target.layerCount)")
    }
    return parts.joined(separator: ", ")
  }

  private static func layerCounts(upTo count: Int) -> [Int] {
    guard count > 64 else { return Array(1...count) }
    return (1...64).map { $0 * count / 64 }
  }

  /// The target at a fraction of its width; nil where a size is no multiple.
  private static func narrowed(
    _ target: ModelConfiguration, by factor: Int, layerCount: Int
  ) -> ModelConfiguration? {
    let sizes = [
      target.hiddenSize, target.headCount, target.keyValueHeadCount, target.intermediateSize,
    ]
    guard factor > 0, sizes.allSatisfy({ $0 % factor == 0 }) else { return nil }
    var source = target
    source.hiddenSize /= factor
    source.headCount /= factor
    source.keyValueHeadCount /= factor
    source.intermediateSize /= factor
    source.layerCount = layerCount
    return source
  }
}
