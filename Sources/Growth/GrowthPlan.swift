// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors

/// One growth as data: from which model to which, by which maps, with which promises.
///
/// Operators make plans; growing, streaming, proving and recording only read them.
public struct GrowthPlan: Sendable, Hashable {
  /// What is done, for people and for the lineage: `width × 2`.
  public var operation: String
  /// The small model.
  public var source: ModelConfiguration
  /// The grown model.
  public var target: ModelConfiguration
  /// The map of each space that changes.
  public var maps: [GrowthSpace: UnitMap] = [:]
  /// Where each block of the grown model comes from.
  public var layers: [LayerSource]
  /// How often the width is repeated with block-diagonal matrices; 1 for dense ones.
  public var blocks = 1
  /// Noise on matrices between copies, as decibels of signal over noise; nil for none.
  public var signalToNoise: Double?
  /// The factor on norms' gains, where padding changes the mean square.
  public var normScale = 1.0
  /// Noise on new tokens' vectors, as a multiple of the initializer's.
  public var vocabularyNoise = 0.0
  /// Factors on single tensors of the grown model, by name; 1 for all others.
  public var tensorScales: [String: Double] = [:]
  /// The type to which the small model's values are rounded before anything is done with them; nil for
  /// none.
  public var sourceRounding: DType?
  /// Into how many parts a feed-forward is cut where it becomes experts.
  public var expertParts = 1
  /// What the next steps' learning rates are meant for.
  public var learningRates = LearningRatePolicy.default
  /// What the growth promises.
  public var guarantees: Guarantees

  /// A plan that keeps every layer and every unit.
  public init(
    _ operation: String, from source: ModelConfiguration, to target: ModelConfiguration,
    guarantees: Guarantees
  ) {
    self.init(
      operation, from: source, to: target,
      layers: (0..<source.layerCount).map { .kept($0) }, guarantees: guarantees)
  }

  init(
    _ operation: String, from source: ModelConfiguration, to target: ModelConfiguration,
    layers: [LayerSource], guarantees: Guarantees
  ) {
    self.operation = operation
    self.source = source
    self.target = target
    self.layers = layers
    self.guarantees = guarantees
  }

  /// The map of a space.
  public func map(_ space: GrowthSpace) -> UnitMap {
    maps[space] ?? .identity(space.count(in: source))
  }
}

/// What the learning rates after a growth are meant for.
public enum LearningRatePolicy: String, Sendable, Hashable, CaseIterable, Codable {
  /// The target's training: every parameter at the schedule's rate.
  case target
  /// The small model's own trajectory: multipliers that make AdamW's steps those of the small model.
  case smallTrajectory

  /// That of a growth of which nothing else is said.
  public static let `default` = LearningRatePolicy.target
}

extension GrowthSpace {
  /// The units of a space in a model.
  public func count(in model: ModelConfiguration) -> Int {
    switch self {
    case .vocabulary: model.vocabularySize
    case .position: model.contextLength
    case .stream, .normed, .final: model.hiddenSize
    case .query, .attended: model.headCount * model.headSize
    case .key, .value: model.keyValueHeadCount * model.headSize
    case .feedForward: model.intermediateSize
    case .headComponent: model.traits.queryKeyNorm ? model.headSize : 0
    case .expert: model.traits.experts?.count ?? 0
    }
  }
}
