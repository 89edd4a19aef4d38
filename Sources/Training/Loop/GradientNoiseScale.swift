// SPDX-License-Identifier: Apache-2.0

/// A running estimate of the simple gradient-noise scale tr(Σ) / |G|².
///
/// G is the true gradient and Σ the covariance of one token's gradient. From the squared norms of
/// the gradient of a small and of a big batch of the same step, of b and B tokens (McCandlish et
/// al., arXiv 1812.06162, appendix A.1), without bias,
///
///     |G|² ≈ (B |G_B|² − b |G_b|²) / (B − b)
///     tr(Σ) ≈ (|G_b|² − |G_B|²) / (1/b − 1/B)
///
/// Both are noisy, so each is smoothed by a running mean before the ratio is taken; the means start
/// at zero, which the ratio does not see, since both are short by the same factor.
public struct GradientNoiseScale: Sendable, Hashable, Codable {
  /// Smoothed |G|².
  public private(set) var squaredGradient: Double
  /// Smoothed tr(Σ), per token.
  public private(set) var variance: Double
  /// Measurements taken.
  public private(set) var count: Int

  /// Before the first measurement.
  public init() {
    squaredGradient = 0
    variance = 0
    count = 0
  }

  /// Adds a measurement.
  ///
  /// - Parameters:
  ///   - small: squared norm of the small batch's mean gradient, and its tokens.
  ///   - big: squared norm of the whole batch's mean gradient, and its tokens, more than the small
  ///     batch's.
  ///   - smoothing: the share that the old means keep.
  public mutating func add(
    small: (squaredNorm: Double, tokens: Int), big: (squaredNorm: Double, tokens: Int),
    smoothing: Double
  ) {
    precondition(0 < small.tokens && small.tokens < big.tokens, "batches \(small) and \(big)")
    let (b, B) = (Double(small.tokens), Double(big.tokens))
    let squared = (B * big.squaredNorm - b * small.squaredNorm) / (B - b)
    let trace = (small.squaredNorm - big.squaredNorm) / (1 / b - 1 / B)
    squaredGradient = smoothing * squaredGradient + (1 - smoothing) * squared
    variance = smoothing * variance + (1 - smoothing) * trace
    count += 1
  }

  /// The noise scale in tokens, which estimates the critical batch size; nil while the noise hides
  /// the gradient, so that either mean is not positive.
  public var tokens: Double? {
    squaredGradient > 0 && variance > 0 ? variance / squaredGradient : nil
  }
}
