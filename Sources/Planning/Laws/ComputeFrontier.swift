// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The least loss that an amount of compute buys, and the model that reaches it (Kaplan et al.,
/// arXiv 2001.08361, equations 1.3 and 1.7): L = (scale / C)^αC, N = Ns · C^p, C in PF-days.
public struct ComputeFrontier: Sendable, Hashable, Codable {
  /// The compute at a loss of one nat, in PF-days.
  public var lossScale: Double
  /// αC.
  public var lossExponent: Double
  /// Parameters at one PF-day.
  public var sizeScale: Double
  /// p.
  public var sizeExponent: Double

  /// Makes a law.
  public init(lossScale: Double, lossExponent: Double, sizeScale: Double, sizeExponent: Double) {
    self.lossScale = lossScale
    self.lossExponent = lossExponent
    self.sizeScale = sizeScale
    self.sizeExponent = sizeExponent
  }

  /// The published parameters: L = (2.3e8 / C)^0.05, N = 1.3e9 · C^0.73.
  public static let kaplan = ComputeFrontier(
    lossScale: 2.3e8, lossExponent: 0.05, sizeScale: 1.3e9, sizeExponent: 0.73)

  /// Operations of a day at 10¹⁵ a second.
  public static let flopsOfPFDay = 8.64e19

  /// The least loss for an amount of compute in FLOPs.
  public func loss(flops: Double) -> Double {
    pow(lossScale / (flops / Self.flopsOfPFDay), lossExponent)
  }

  /// The compute in FLOPs that the least loss of this value takes.
  public func flops(reaching loss: Double) -> Double {
    Self.flopsOfPFDay * lossScale / pow(loss, 1 / lossExponent)
  }

  /// Parameters without embeddings of the model that uses an amount of compute in FLOPs best.
  public func parameters(flops: Double) -> Double {
    sizeScale * pow(flops / Self.flopsOfPFDay, sizeExponent)
  }
}
