// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The batch beyond which more tokens a step save hardly any steps: B(L) = scale / L^(1 / αB)
/// (Kaplan et al., arXiv 2001.08361, equation 1.4).
public struct CriticalBatch: Sendable, Hashable, Codable {
  /// The batch at a loss of one nat, in tokens.
  public var scale: Double
  /// αB.
  public var exponent: Double

  /// Makes a law.
  public init(scale: Double, exponent: Double) {
    self.scale = scale
    self.exponent = exponent
  }

  /// The published parameters: 2.1e8 tokens, αB = 0.21.
  public static let kaplan = CriticalBatch(scale: 2.1e8, exponent: 0.21)

  /// Tokens of a step at a loss.
  public func tokens(atLoss loss: Double) -> Double { scale / pow(loss, 1 / exponent) }

  /// The slope against compute when the batch follows the falling loss.
  ///
  /// C = 6 · N · B(L) · S, so d log C = d log S − d log L / αB, and a slope s against steps is
  /// s / (1 − s / αB) against compute.
  public func slopeAgainstCompute(slopeAgainstSteps slope: Double) -> Double {
    slope / (1 - slope / exponent)
  }

  /// The slope against steps of a slope against compute; the inverse of
  /// ``slopeAgainstCompute(slopeAgainstSteps:)``.
  ///
  /// - Returns: nil at and below −αB, which no slope against compute can be.
  public func slopeAgainstSteps(slopeAgainstCompute slope: Double) -> Double? {
    slope > -exponent ? slope / (1 + slope / exponent) : nil
  }
}
