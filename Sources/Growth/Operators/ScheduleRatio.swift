// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation

/// How much faster the larger of two models comes to the same loss: the ratio ρ of the growth
/// target, a model of the target size having reached the loss at step S₂ = S₁/ρ.
///
/// Of r times as many parameters without embeddings, ρ is r to a power.
public enum ScheduleRatio: String, Sendable, Hashable, CaseIterable, Codable {
  /// r^0.43, within 5 % of what Shen et al. (arXiv 2203.06211) fitted to their runs: 1.412 for twice the
  /// depth, 1.776 for twice the width, 2.455 for both.
  case fitted
  /// r^(1/(1 + 0.76)): the closed form for two stages at constant batch under the law
  /// L(N, S) = (Nc/N)^αN + (2·Sc/S)^αS with αS = 0.76 (Kaplan et al., arXiv 2001.08361).
  case law

  /// The power of r.
  public var exponent: Double {
    switch self {
    case .fitted: 0.43
    case .law: 1 / (1 + 0.76)
    }
  }

  /// ρ for so many times as many parameters, a positive number.
  public func value(parameterRatio: Double) -> Double { pow(parameterRatio, exponent) }

  /// ρ for two models, by their parameters without embeddings.
  ///
  /// - Throws: ``GrowthError`` of code `unsupported` for a small model without blocks, of which the law
  ///   says nothing; the errors of Architectures for models that contradict themselves.
  public func value(
    from small: ModelConfiguration, to large: ModelConfiguration
  ) throws -> Double {
    try GrowthError.check(
      small.layerCount > 0, .unsupported, subject: "schedule",
      "no ratio is known for a model without layers; continue its schedule or state a ratio")
    let counts = try [small, large].map { Double(try $0.parameterCount().withoutEmbeddings) }
    return value(parameterRatio: counts[1] / counts[0])
  }
}
