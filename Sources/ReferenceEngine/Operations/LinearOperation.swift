// SPDX-License-Identifier: Apache-2.0
import Architectures

/// y = x W + b, W lying in memory as [inputs, outputs] or as [outputs, inputs].
package struct LinearOperation {
  package var weight: [Double]
  package var layout: Program.WeightLayout
  package var bias: [Double]?
  package var outputWidth: Int

  package init(
    weight: [Double], layout: Program.WeightLayout, bias: [Double]? = nil, outputWidth: Int
  ) {
    self.weight = weight
    self.layout = layout
    self.bias = bias
    self.outputWidth = outputWidth
  }

  package func forward(_ x: Matrix) -> Matrix {
    var y = Matrix(zeros: x.rowCount, outputWidth)
    let (inputStride, outputStride) = strides(inputWidth: x.columnCount)
    // Pointers, since the unoptimised build of the tests spends its time here.
    weight.withUnsafeBufferPointer { weight in
      x.elements.withUnsafeBufferPointer { input in
        for row in 0..<x.rowCount {
          for output in 0..<outputWidth {
            var sum = bias?[output] ?? 0
            var place = output * outputStride
            for index in row * x.columnCount..<(row + 1) * x.columnCount {
              sum += input[index] * weight[place]
              place += inputStride
            }
            y[row, output] = sum
          }
        }
      }
    }
    return y
  }

  /// dx = dy Wᵀ, dW = xᵀ dy, db = Σ dy.
  package func backward(
    _ x: Matrix, _ dy: Matrix
  ) -> (dx: Matrix, dweight: [Double], dbias: [Double]) {
    var dx = Matrix(zeros: x.rowCount, x.columnCount)
    var dweight = [Double](repeating: 0, count: weight.count)
    var dbias = [Double](repeating: 0, count: outputWidth)
    let (inputStride, outputStride) = strides(inputWidth: x.columnCount)
    for row in 0..<x.rowCount {
      for output in 0..<outputWidth {
        let gradient = dy[row, output]
        dbias[output] += gradient
        for input in 0..<x.columnCount {
          let place = input * inputStride + output * outputStride
          dx[row, input] += gradient * weight[place]
          dweight[place] += gradient * x[row, input]
        }
      }
    }
    return (dx, dweight, dbias)
  }

  private func strides(inputWidth: Int) -> (input: Int, output: Int) {
    layout == .inputOutput ? (outputWidth, 1) : (1, inputWidth)
  }
}
