// SPDX-License-Identifier: Apache-2.0

/// The growths of the staged-training paper, with the thresholds that its authors measured
/// (Shen et al., "Staged training for transformer language models", arXiv 2203.06211, table 1).
public enum PublishedGrowth: String, Sendable, Hashable, Codable, CaseIterable {
  /// Twice the layers.
  case depth
  /// Twice the width, four times the parameters.
  case width
  /// Both.
  case both

  /// τ: the small model's slope d log L / d log C at which to grow.
  public var threshold: Double {
    switch self {
    case .depth: -0.0575
    case .width: -0.0475
    case .both: -0.03
    }
  }

  /// ρ: S₁ / S₂ at that moment.
  public var growthRatio: Double {
    switch self {
    case .depth: 1.412
    case .width: 1.776
    case .both: 2.455
    }
  }

  /// The slope at which to stop the last stage.
  public static let optimalityThreshold = -0.052
}
