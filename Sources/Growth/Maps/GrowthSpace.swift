// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The spaces that grow by a map each.
///
/// They are the spaces of ``ParameterSpec`` with the residual width seen at three places: a growth
/// may scale the last norm's result otherwise than the stream.
public enum GrowthSpace: String, Sendable, Hashable, CaseIterable, Codable {
  case vocabulary, position
  /// The residual stream: what embeddings and blocks write.
  case stream
  /// The results of the norms inside the blocks.
  case normed
  /// The result of the last norm, which the head reads.
  case final
  case query, key, value, attended, feedForward
  /// The components of one head, where all heads share a parameter.
  case headComponent
  case expert

  /// The space of an axis's segment.
  init(_ space: ParameterSpec.Space, of spec: ParameterSpec, _ direction: ParameterSpec.Direction) {
    self =
      switch space {
      case .vocabulary: .vocabulary
      case .position: .position
      case .query: .query
      case .key: .key
      case .value: .value
      case .attended: .attended
      case .feedForward: .feedForward
      case .headComponent: .headComponent
      case .expert: .expert
      case .residual: Self.residual(at: spec.role, direction)
      }
  }

  private static func residual(
    at role: ParameterSpec.Role, _ direction: ParameterSpec.Direction
  ) -> GrowthSpace {
    switch role {
    case .normGain(.final), .normBias(.final), .head: .final
    case .normGain, .normBias: .normed
    case .tokenEmbedding, .positionEmbedding: .stream
    case .weight, .bias: direction == .input ? .normed : .stream
    }
  }
}

extension ParameterSpec {
  typealias Direction = Axis.Direction
}
