// SPDX-License-Identifier: Apache-2.0
import Architectures
import LinearAlgebra

/// The norms of stretches of `width` columns, each by itself: x̂ = (x − mean) / √(variance + ε), or
/// x / √(mean of squares + ε); y = x̂ · gain + bias.
struct Norm {
  var kind: Program.NormKind
  var epsilon: Double
  var width: Int
  var gain: Program.Gain?
  var bias: Program.Parameter?

  /// Takes off a stretch's mean and divides by what it returns the inverse of.
  fileprivate func normalise(_ x: UnsafeMutablePointer<Double>) -> Double {
    var (mean, squares) = (0.0, 0.0)
    if kind == .layer {
      for column in 0..<width { mean += x[column] }
      mean /= Double(width)
    }
    for column in 0..<width {
      let difference = x[column] - mean
      squares += difference * difference
    }
    let inverseRoot = 1 / (squares / Double(width) + epsilon).squareRoot()
    for column in 0..<width { x[column] = (x[column] - mean) * inverseRoot }
    return inverseRoot
  }
}

extension Interpreter {
  func norm(_ norm: Norm, _ x: Activations<Scalar>, into y: Activations<Scalar>) throws {
    let (width, gain) = (norm.width, try gains(norm))
    let bias = try norm.bias.map { try vector($0) } ?? [Double](repeating: 0, count: width)
    y.copy(x)
    y.forEachRow(width: width, cost: 4, arithmetic) { _, y in
      _ = norm.normalise(y)
      for column in 0..<width { y[column] = y[column] * gain[column] + bias[column] }
    }
  }

  /// dgain = Σ dy · x̂, dbias = Σ dy; with g = dy · gain and means over the stretch,
  /// dx += (g − mean(g) − x̂ · mean(g · x̂)) / √(…), without mean(g) for the root mean square.
  func normBackward(
    _ norm: Norm, _ x: Activations<Scalar>, _ dy: Activations<Scalar>,
    into dx: Activations<Scalar>
  ) throws {
    let (width, gain) = (norm.width, try gains(norm))
    var normal = [Double](repeating: 0, count: width)
    var (dgain, dbias) = (normal, normal)
    dx.forEachRow(width: width, with: x, and: dy) { dx, x, dy in
      let inverseRoot = normal.withUnsafeMutableBufferPointer { normal -> Double in
        guard let base = normal.baseAddress else { return 0 }
        base.update(from: x, count: width)
        return norm.normalise(base)
      }
      var (sum, sumWithNormal) = (0.0, 0.0)
      for column in 0..<width {
        dgain[column] += dy[column] * normal[column]
        dbias[column] += dy[column]
        sum += dy[column] * gain[column]
        sumWithNormal += dy[column] * gain[column] * normal[column]
      }
      let mean = norm.kind == .layer ? sum / Double(width) : 0
      let slope = sumWithNormal / Double(width)
      for column in 0..<width {
        let g = dy[column] * gain[column]
        dx[column] += (g - mean - normal[column] * slope) * inverseRoot
      }
    }
    if let gain = norm.gain { add(dgain, to: gain.parameter) }
    if let bias = norm.bias { add(dbias, to: bias) }
  }

  private func gains(_ norm: Norm) throws -> [Double] {
    guard let gain = norm.gain else { return [Double](repeating: 1, count: norm.width) }
    return try vector(gain.parameter).map { $0 + gain.offset }
  }
}
