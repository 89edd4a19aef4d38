// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

/// The norms of stretches of `width` columns, each by itself.
struct NormLowering {
  var kind: Program.NormKind
  var epsilon: Double
  var width: Int
  var gain: Program.Gain?
  var bias: Program.Parameter?
}

extension Lowering {
  /// x̂ = (x − mean) / √(variance + ε), or x / √(mean of squares + ε); y = x̂ · gain + bias.
  ///
  /// Backward with g = dy · gain: dx = (g − mean(g) − x̂ · mean(g · x̂)) / √(…), without mean(g) for the
  /// root mean square; dgain = Σ dy · x̂, dbias = Σ dy.
  func normalise(
    _ norm: NormLowering, _ input: Program.Value, _ output: Program.Value
  ) -> Tensor {
    let whole = value(input)
    let stretches = [whole.type.elementCount / norm.width, norm.width]
    func mean(_ x: Tensor) -> Tensor {
      (x.sum(over: [1]) / Double(norm.width)).broadcast(to: stretches, axes: [0])
    }
    let x = whole.reshaped(to: stretches)
    let centred = norm.kind == .layer ? x - mean(x) : x
    let inverseRoot = 1 / (mean(centred * centred) + norm.epsilon).squareRoot()
    let normal = centred * inverseRoot
    let gain = norm.gain.map { gain in
      (parameters[gain.parameter] + gain.offset).broadcast(to: stretches, axes: [1])
    }
    onBackward(output) { [self] dy in
      let dy = dy.reshaped(to: stretches)
      if let gain = norm.gain {
        contribute((dy * normal).sum(over: [0]), toParameter: gain.parameter)
      }
      if let bias = norm.bias { contribute(dy.sum(over: [0]), toParameter: bias) }
      let g = gain.map { dy * $0 } ?? dy
      let level = norm.kind == .layer ? g - mean(g) : g
      let dx = (level - normal * mean(g * normal)) * inverseRoot
      contribute(dx.reshaped(to: whole.extents), to: input)
    }
    var y = gain.map { normal * $0 } ?? normal
    if let bias = norm.bias { y = y + parameters[bias].broadcast(to: stretches, axes: [1]) }
    return y.reshaped(to: whole.extents)
  }
}
