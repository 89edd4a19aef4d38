// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

/// y = x W + b, W lying as [inputs, outputs] or as [outputs, inputs].
struct LinearLowering {
  var weight: Program.Parameter
  var layout: Program.WeightLayout
  var bias: Program.Parameter?

  /// The weight's axis of inputs, and that of outputs.
  var axes: (input: Int, output: Int) { layout == .inputOutput ? (0, 1) : (1, 0) }
}

extension Lowering {
  func map(
    _ input: Program.Value, _ linear: LinearLowering, _ output: Program.Value
  ) -> Tensor {
    let x = value(input)
    onBackward(output) { [self] dy in
      contribute(mapBackward(x, linear, dy), to: input)
    }
    return map(x, linear)
  }

  /// x W + b.
  func map(_ x: Tensor, _ linear: LinearLowering) -> Tensor {
    let y = operand(x).product(
      operand(parameter: linear.weight), .init(summed: [(1, linear.axes.input)]))
    guard let bias = linear.bias else { return y }
    return y + parameters[bias].broadcast(to: y.extents, axes: [1])
  }

  /// Contributes dW = xᵀ dy, or its transpose, and db = Σ dy.
  ///
  /// - Returns: dy Wᵀ.
  func mapBackward(_ x: Tensor, _ linear: LinearLowering, _ dy: Tensor) -> Tensor {
    let (left, right) = linear.layout == .inputOutput ? (x, dy) : (dy, x)
    contribute(summedOverRows(operand(left), operand(right)), toParameter: linear.weight)
    if let bias = linear.bias { contribute(dy.sum(over: [0]), toParameter: bias) }
    return operand(dy).product(
      operand(parameter: linear.weight), .init(summed: [(1, linear.axes.output)]))
  }

  /// leftᵀ right of two factors with as many rows.
  func summedOverRows(_ left: Tensor, _ right: Tensor) -> Tensor {
    guard options.arrangesFactors, left.type.element == .bfloat16 else {
      return left.product(right, .init(summed: [(0, 0)]))
    }
    // As another way to lay out the same memory, XLA would take the turn back into the product.
    let turned = left.transposed([1, 0])
    let laidOut = function.barrier([turned.reshaped(to: [turned.type.elementCount])])[0]
    return laidOut.reshaped(to: turned.extents).product(right, .init(summed: [(1, 0)]))
  }
}
