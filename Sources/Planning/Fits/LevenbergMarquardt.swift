// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Robust non-linear least squares: Levenberg and Marquardt's damped steps (Marquardt, SIAM 1963)
/// on residuals weighted after Huber (1964), whose scale is their own median.
struct LevenbergMarquardt {
  let model: LawModel
  let samples: [LawModel.Sample]

  /// The parameters found.
  struct Solution {
    var parameters: [Double]
    /// Σ of Huber's loss, at the last scale.
    var cost: Double
  }

  /// Minimises from a start.
  func solve(from start: [Double], robustRounds: Int = 3) -> Solution {
    var weights = [Double](repeating: 1, count: samples.count)
    var solution = descend(from: start, weights: weights)
    for _ in 0..<robustRounds {
      let residuals = residuals(solution.parameters)
      let magnitudes = residuals.map { abs($0) }.sorted()
      let scale = 1.345 * 1.4826 * magnitudes[magnitudes.count / 2]
      guard scale > 0 else { break }
      for (index, residual) in residuals.enumerated() {
        weights[index] = min(1, scale / max(abs(residual), 1e-300))
      }
      solution = descend(from: solution.parameters, weights: weights)
    }
    return solution
  }

  /// The residuals at parameters.
  func residuals(_ parameters: [Double]) -> [Double] {
    var gradient = [Double](repeating: 0, count: model.parameterCount)
    return samples.map { model.residual($0, parameters, &gradient) }
  }

  private func descend(from start: [Double], weights: [Double]) -> Solution {
    var point = start
    var system = normalEquations(point, weights)
    var damping = 1e-3
    for _ in 0..<200 {
      guard let step = system.solve(damping: damping) else { break }
      let next = zip(point, step).map { $0 - $1 }
      let nextSystem = model.allows(next) ? normalEquations(next, weights) : nil
      if let nextSystem, nextSystem.cost < system.cost {
        let gain = (system.cost - nextSystem.cost) / max(system.cost, 1e-300)
        (point, system) = (next, nextSystem)
        damping = max(1e-12, damping / 8)
        if gain < 1e-10 { break }
      } else {
        damping *= 6
        if damping > 1e9 { break }
      }
    }
    return Solution(parameters: point, cost: system.cost)
  }

  private func normalEquations(_ parameters: [Double], _ weights: [Double]) -> NormalEquations {
    let size = model.parameterCount
    var system = NormalEquations(size: size)
    var gradient = [Double](repeating: 0, count: size)
    for (index, sample) in samples.enumerated() {
      let residual = model.residual(sample, parameters, &gradient)
      system.add(residual, gradient, weight: weights[index])
    }
    return system
  }
}

/// Jᵀ W J and Jᵀ W r of a linearised problem.
private struct NormalEquations {
  let size: Int
  private var matrix: [Double]
  private var vector: [Double]
  private(set) var cost = 0.0

  init(size: Int) {
    self.size = size
    matrix = [Double](repeating: 0, count: size * size)
    vector = [Double](repeating: 0, count: size)
  }

  mutating func add(_ residual: Double, _ gradient: [Double], weight: Double) {
    cost += weight * residual * residual
    for row in 0..<size {
      vector[row] += weight * gradient[row] * residual
      for column in 0...row {
        matrix[row * size + column] += weight * gradient[row] * gradient[column]
      }
    }
  }

  /// Solves with the diagonal raised by a factor, by Cholesky's decomposition.
  func solve(damping: Double) -> [Double]? {
    var factor = matrix
    for row in 0..<size {
      factor[row * size + row] += damping * max(matrix[row * size + row], 1e-12)
    }
    var solution = vector
    for row in 0..<size {
      for column in 0...row {
        var sum = factor[row * size + column]
        for k in 0..<column { sum -= factor[row * size + k] * factor[column * size + k] }
        if row == column {
          guard sum > 0, sum.isFinite else { return nil }
          factor[row * size + row] = sum.squareRoot()
        } else {
          factor[row * size + column] = sum / factor[column * size + column]
        }
      }
      for k in 0..<row { solution[row] -= factor[row * size + k] * solution[k] }
      solution[row] /= factor[row * size + row]
    }
    for row in (0..<size).reversed() {
      for k in row + 1..<max(size, row + 1) {
        solution[row] -= factor[k * size + row] * solution[k]
      }
      solution[row] /= factor[row * size + row]
    }
    return solution.allSatisfy(\.isFinite) ? solution : nil
  }
}
