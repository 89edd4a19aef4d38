// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A robust fit of log L over a window of log C, which gives the slope at the window's end.
///
///     log L = c₀ + c₁ · z(u),   z(u) = (1 − exp(−κ · u)) / κ,   u = ln C − ln C_end
///
/// z has slope 1 at the end, so c₁ is the slope there; κ is the curvature, and for κ = 0 z is u, a
/// straight line. Two parameters keep the estimate steady, and the curvature keeps it from lagging
/// half a window behind. Points are weighted by their age (tricube, as in Cleveland's lowess, JASA
/// 1979) and by Tukey's biweight of their residual.
struct WindowFit {
  /// A point.
  struct Sample: Sendable, Hashable, Codable {
    /// ln C.
    var x: Double
    /// ln L.
    var y: Double
    /// How many measurements it is the mean of.
    var count: Double
  }

  /// c₁.
  let slope: Double
  /// The standard error of c₁.
  let standardError: Double
  /// Points less parameters, as far as weights leave them.
  let degreesOfFreedom: Double

  /// Fits samples, the newest last.
  ///
  /// - Parameter width: how far back the window reaches in ln C.
  /// - Returns: nil where the samples have no extent.
  init?(_ samples: [Sample], width: Double, curvature: Double) {
    guard let end = samples.last?.x, samples.count > 2 else { return nil }
    let z = samples.map { Self.abscissa($0.x - end, curvature: curvature) }
    let y = samples.map(\.y)
    let age = samples.map { $0.count * Self.tricube(min(1, (end - $0.x) / width)) }
    var weights = age
    guard var line = Line(z, y, weights) else { return nil }
    // The first rounds bound a spike's pull, the last leave it out.
    for round in 0..<6 {
      let residuals = line.residuals(z, y)
      let scale = Self.scale(residuals)
      guard scale > 0 else { break }
      for (index, residual) in residuals.enumerated() {
        let ratio = abs(residual) * samples[index].count.squareRoot() / scale
        weights[index] = age[index] * (round < 2 ? min(1, 1.345 / ratio) : Self.biweight(ratio))
      }
      guard let next = Line(z, y, weights) else { return nil }
      line = next
    }
    slope = line.slope
    (standardError, degreesOfFreedom) = Self.uncertainty(
      of: line, x: z, y: y, weights: weights, counts: samples.map(\.count))
  }

  private static func abscissa(_ u: Double, curvature: Double) -> Double {
    curvature > 1e-6 ? -expm1(-curvature * u) / curvature : u
  }

  private static func tricube(_ u: Double) -> Double {
    let rest = 1 - u * u * u
    return rest * rest * rest
  }

  private static func biweight(_ ratio: Double) -> Double {
    let u = ratio / 4.685
    guard u < 1 else { return 0 }
    return (1 - u * u) * (1 - u * u)
  }

  /// The scale of Gaussian residuals whose median magnitude this is.
  private static func scale(_ residuals: [Double]) -> Double {
    let magnitudes = residuals.map { abs($0) }.sorted()
    return magnitudes.isEmpty ? 0 : 1.4826 * magnitudes[magnitudes.count / 2]
  }

  /// The standard error of the slope.
  ///
  /// Weights say how much a point counts, not how noisy it is, so this is the error of a weighted
  /// sum of independent measurements of one variance, which the residuals tell.
  private static func uncertainty(
    of line: Line, x z: [Double], y: [Double], weights: [Double], counts: [Double]
  ) -> (error: Double, degrees: Double) {
    let residuals = line.residuals(z, y)
    var total = 0.0
    var totalOfSquares = 0.0
    var spread = 0.0
    var leverage = 0.0
    for index in z.indices {
      let weight = weights[index] / counts[index]
      let lever = weights[index] * (z[index] - line.center)
      total += weight
      totalOfSquares += weight * weight
      spread += weights[index] * residuals[index] * residuals[index]
      leverage += lever * lever / counts[index]
    }
    let effective = total * total / totalOfSquares
    let degrees = max(1, effective - 2)
    let variance = spread / total * effective / degrees
    return ((variance * leverage).squareRoot() / line.extent, degrees)
  }
}

/// A weighted straight line.
private struct Line {
  var slope: Double
  var level: Double
  /// The weighted mean of the abscissas.
  var center: Double
  /// Σ w (z − center)².
  var extent: Double

  init?(_ z: [Double], _ y: [Double], _ weights: [Double]) {
    let total = weights.reduce(0, +)
    guard total > 0 else { return nil }
    var meanZ = 0.0
    var meanY = 0.0
    for index in z.indices {
      meanZ += weights[index] * z[index] / total
      meanY += weights[index] * y[index] / total
    }
    var squares = 0.0
    var products = 0.0
    for index in z.indices {
      squares += weights[index] * (z[index] - meanZ) * (z[index] - meanZ)
      products += weights[index] * (z[index] - meanZ) * (y[index] - meanY)
    }
    guard squares > 0, squares.isFinite, products.isFinite else { return nil }
    (slope, center, extent) = (products / squares, meanZ, squares)
    level = meanY
  }

  func residuals(_ z: [Double], _ y: [Double]) -> [Double] {
    z.indices.map { y[$0] - level - slope * (z[$0] - center) }
  }
}
