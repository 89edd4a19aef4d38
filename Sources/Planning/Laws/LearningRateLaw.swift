// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The peak learning rate by size: intercept + slope · log N, N without embeddings (Kaplan et al.,
/// arXiv 2001.08361, equation D.1: 0.003239 − 0.0001395 · log N).
///
/// The paper does not say which logarithm. The published runs of staged training took the common
/// one (0.0020069 at N = 679.5 M); Kaplan's own rates fit the natural one better.
public struct LearningRateLaw: Sendable, Hashable, Codable {
  /// Which logarithm.
  public enum Logarithm: String, Sendable, Hashable, Codable, CaseIterable {
    /// To the base of 10.
    case common
    /// To the base of e.
    case natural
  }
  /// The rate at one parameter.
  public var intercept: Double
  /// The change with the logarithm.
  public var slope: Double
  /// Which logarithm.
  public var logarithm: Logarithm

  /// Makes a law.
  public init(intercept: Double, slope: Double, logarithm: Logarithm) {
    self.intercept = intercept
    self.slope = slope
    self.logarithm = logarithm
  }

  /// The published numbers, with the common logarithm as the staged-training runs had it.
  public static let kaplan = kaplan(.common)

  /// The published numbers with a logarithm.
  public static func kaplan(_ logarithm: Logarithm) -> LearningRateLaw {
    LearningRateLaw(intercept: 0.003239, slope: -0.0001395, logarithm: logarithm)
  }

  /// The peak rate of a model; not positive for models beyond the law's reach.
  public func rate(parameters: Double) -> Double {
    intercept + slope * (logarithm == .common ? log10(parameters) : log(parameters))
  }
}
