// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The sizes of the model that learning rate and ε were tuned on.
public struct BaseModel: Sendable, Hashable, Codable {
  /// Transformer blocks, at least one.
  public var layerCount: Int
  /// Width of the residual stream.
  public var hiddenSize: Int
  /// Query heads.
  public var headCount: Int
  /// Key/value heads.
  public var keyValueHeadCount: Int
  /// Width of one head.
  public var headSize: Int
  /// Inner width of the feed-forward.
  public var intermediateSize: Int

  /// Sizes that a model could have.
  public init(
    layerCount: Int, hiddenSize: Int, headCount: Int, keyValueHeadCount: Int, headSize: Int,
    intermediateSize: Int
  ) {
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.intermediateSize = intermediateSize
  }

  /// The sizes of a model.
  public init(_ model: ModelConfiguration) {
    self.init(
      layerCount: model.layerCount, hiddenSize: model.hiddenSize, headCount: model.headCount,
      keyValueHeadCount: model.keyValueHeadCount, headSize: model.headSize,
      intermediateSize: model.intermediateSize)
  }

  /// A model that has these sizes, and all else of another.
  func configuration(like model: ModelConfiguration) -> ModelConfiguration {
    var base = model
    base.layerCount = layerCount
    base.hiddenSize = hiddenSize
    base.headCount = headCount
    base.keyValueHeadCount = keyValueHeadCount
    base.headSize = headSize
    base.intermediateSize = intermediateSize
    return base
  }
}
