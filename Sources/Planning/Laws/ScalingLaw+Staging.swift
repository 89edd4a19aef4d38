// SPDX-License-Identifier: Apache-2.0
import Foundation

extension ScalingLaw {
  /// ρ = r^(1 / (1 + αS)): how many of the large model's steps a step of the small one's is worth at
  /// the best moment to grow, S₁ / S₂.
  ///
  /// With c a model's cost of a step and r = c₂ / c₁ (= N₂ / N₁ by the rule 6 N), growing at a loss
  /// L costs c₁ · S(N₁, L) − c₂ · S(N₂, L); this is least where c₁ · dS₁/dL = c₂ · dS₂/dL, that is
  /// where S₁ / S₂ = r^(1 / (1 + αS)), whatever the sizes and the final loss.
  public func growthRatio(costRatio: Double) -> Double { pow(costRatio, 1 / (1 + stepExponent)) }

  /// The step term (2 · Sc / S)^αS at which a model is trained just long enough: more steps of it
  /// and more parameters for it gain equally much per compute, αS · term = αN · (Nc / N)^αN.
  public func optimalStepTerm(parameters: Double) -> Double {
    sizeExponent / stepExponent * sizeTerm(parameters: parameters)
  }

  /// The steps at which a model is trained just long enough.
  public func optimalSteps(parameters: Double) -> Double {
    2 * stepScale / pow(optimalStepTerm(parameters: parameters), 1 / stepExponent)
  }

  /// The slope d log L / d log S at which a model is trained just long enough.
  ///
  /// Without an irreducible loss it is −αS · αN / (αS + αN) for every size.
  public func optimalitySlope(parameters: Double) -> Double {
    slope(parameters: parameters, steps: optimalSteps(parameters: parameters))
  }

  /// τ_opt = s / (1 + |s| / αB), s = −αS · αN / (αS + αN): the slope against compute at optimality
  /// where the batch follows the critical one; −0.0520 for the published law.
  ///
  /// It holds for an irreducible loss of 0; with one, the slope depends on the size:
  /// ``optimalitySlope(parameters:)``.
  public func optimalityThreshold(batch: CriticalBatch = .kaplan) -> Double {
    let slope = -stepExponent * sizeExponent / (stepExponent + sizeExponent)
    return batch.slopeAgainstCompute(slopeAgainstSteps: slope)
  }

  /// S₁ / S₂ when a model is grown to r times its parameters once its slope against compute, with
  /// the batch following the critical one, is τ.
  ///
  /// The slope fixes the step term's share of the loss; what the grown model's size term is lower
  /// by, its step term is higher by. The law must have no irreducible loss.
  ///
  /// - Returns: nil where no point of the curve has this slope.
  public func growthRatio(
    slopeAgainstCompute threshold: Double, sizeRatio: Double, batch: CriticalBatch = .kaplan
  ) -> Double? {
    guard let slope = batch.slopeAgainstSteps(slopeAgainstCompute: threshold) else { return nil }
    let share = -slope / stepExponent
    guard share > 0, share < 1 else { return nil }
    // In units of the small model's size term.
    let small = share / (1 - share)
    let large = 1 + small - pow(sizeRatio, -sizeExponent)
    return pow(large / small, 1 / stepExponent)
  }

  /// The best moment to grow from one size to another.
  ///
  /// - Parameter costRatio: c₂ / c₁ of a step; nil for N₂ / N₁.
  /// - Returns: nil where the larger model's floor is not the lower one.
  public func bestGrowth(
    from small: Double, to large: Double, costRatio: Double? = nil
  ) -> GrowthMoment? {
    let ratio = growthRatio(costRatio: costRatio ?? large / small)
    let gain = floor(parameters: small) - floor(parameters: large)
    guard ratio > 1, gain > 0 else { return nil }
    // term₂ − term₁ = gain and term₁ = term₂ · ρ^−αS.
    let largeTerm = gain / (1 - pow(ratio, -stepExponent))
    let largeSteps = 2 * stepScale / pow(largeTerm, 1 / stepExponent)
    let smallSteps = largeSteps * ratio
    guard largeSteps.isFinite, smallSteps.isFinite, largeSteps > 0 else { return nil }
    return GrowthMoment(
      loss: floor(parameters: large) + largeTerm, smallSteps: smallSteps, largeSteps: largeSteps,
      slope: slope(parameters: small, steps: smallSteps))
  }

  /// What one growth at the best moment saves of the large model's compute to optimality, at a
  /// constant batch and by the rule 6 N: S₂ / S · (1 − ρ / r), S being the steps to optimality.
  ///
  /// - Parameters:
  ///   - sizeRatio: N₂ / N₁, above 1.
  ///   - large: N₂; the saving depends on it only through an irreducible loss of the law (none here).
  /// - Returns: a share of 1; nil where growing never pays.
  public func twoStageSaving(sizeRatio: Double, to large: Double) -> Double? {
    guard let growth = bestGrowth(from: large / sizeRatio, to: large) else { return nil }
    let optimal = optimalSteps(parameters: large)
    guard growth.largeSteps <= optimal else { return nil }
    return (growth.largeSteps - growth.smallSteps / sizeRatio) / optimal
  }
}

/// Where on two models' curves to go over from the one to the other.
public struct GrowthMoment: Sendable, Hashable, Codable {
  /// The loss at that moment, which both have.
  public var loss: Double
  /// S₁: steps of the small model from its own beginning.
  public var smallSteps: Double
  /// S₂: steps that the large model would have needed.
  public var largeSteps: Double
  /// The small model's slope d log L / d log S, at a constant batch also against compute.
  public var slope: Double
}
