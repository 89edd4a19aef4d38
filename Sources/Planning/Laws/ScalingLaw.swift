// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The loss of a model of N parameters after S optimizer steps.
///
/// Kaplan et al., "Scaling laws for neural language models", arXiv 2001.08361, equation 1.6, as the
/// staged-training authors use it at the critical batch, where S is twice the least number of steps:
///
///     L(N, S) = E + (Nc / N)^αN + (2 · Sc / S)^αS
///
/// N counts no embeddings, losses are nats per token, and the batch is constant.
public struct ScalingLaw: Sendable, Hashable, Codable {
  /// αN.
  public var sizeExponent: Double
  /// Nc, in parameters.
  public var sizeScale: Double
  /// αS.
  public var stepExponent: Double
  /// Sc, in steps.
  public var stepScale: Double
  /// E, which no model and no training gets below; 0 in the published law.
  public var irreducibleLoss: Double

  /// Makes a law; all numbers are positive but for the irreducible loss, which may be 0.
  public init(
    sizeExponent: Double, sizeScale: Double, stepExponent: Double, stepScale: Double,
    irreducibleLoss: Double = 0
  ) {
    self.sizeExponent = sizeExponent
    self.sizeScale = sizeScale
    self.stepExponent = stepExponent
    self.stepScale = stepScale
    self.irreducibleLoss = irreducibleLoss
  }

  /// The published parameters: αN = 0.076, αS = 0.76, Nc = 8.8e13, Sc = 2.1e3.
  public static let kaplan = ScalingLaw(
    sizeExponent: 0.076, sizeScale: 8.8e13, stepExponent: 0.76, stepScale: 2.1e3)

  /// (Nc / N)^αN: what a model of this size lacks even after endless training.
  public func sizeTerm(parameters: Double) -> Double {
    pow(sizeScale / parameters, sizeExponent)
  }

  /// (2 · Sc / S)^αS: what is not yet learned after S steps.
  public func stepTerm(steps: Double) -> Double { pow(2 * stepScale / steps, stepExponent) }

  /// L(N, S).
  public func loss(parameters: Double, steps: Double) -> Double {
    floor(parameters: parameters) + stepTerm(steps: steps)
  }

  /// E + (Nc / N)^αN: the loss that a model of this size comes near to and never reaches.
  public func floor(parameters: Double) -> Double {
    irreducibleLoss + sizeTerm(parameters: parameters)
  }

  /// The steps after which a model has this loss: 2 · Sc / (L − E − (Nc / N)^αN)^(1 / αS).
  ///
  /// After a growth this is the grown model's effective step, since it stands where a model of its
  /// size would stand after so many steps.
  ///
  /// - Returns: nil where the model never gets there.
  public func steps(parameters: Double, reaching loss: Double) -> Double? {
    let term = loss - floor(parameters: parameters)
    guard term > 0 else { return nil }
    let steps = 2 * stepScale / pow(term, 1 / stepExponent)
    return steps.isFinite && steps > 0 ? steps : nil
  }

  /// The slope d log L / d log S, which at a constant batch is d log L / d log C.
  public func slope(parameters: Double, steps: Double) -> Double {
    let term = stepTerm(steps: steps)
    return -stepExponent * term / (floor(parameters: parameters) + term)
  }

  /// Checks that every number can be calculated with.
  ///
  /// - Throws: ``PlanningError`` of code `invalidValue` naming the first that cannot.
  public func validate() throws {
    for (name, value) in [
      ("sizeExponent", sizeExponent), ("sizeScale", sizeScale), ("stepExponent", stepExponent),
      ("stepScale", stepScale),
    ] {
      try PlanningError.checkValue(
        value.isFinite && value > 0, "law.\(name)"
      ) { "\(value); expected a positive number" }
    }
    try PlanningError.checkValue(
      irreducibleLoss.isFinite && irreducibleLoss >= 0, "law.irreducibleLoss"
    ) { "\(irreducibleLoss); expected 0 or a positive number" }
  }
}
