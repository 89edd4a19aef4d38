// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

/// Token vectors times a number.
extension Lowering {
  mutating func scaleForward(_ index: Int) {
    guard case .scale(let factor, let input, let output) = operations[index] else { return }
    emitScale(Float(factor), contiguous(value(input)), makeValue(output))
  }

  mutating func scaleBackward(_ index: Int) {
    guard case .scale(let factor, let input, let output) = operations[index] else { return }
    let dy = contiguous(gradient(output))
    contribute(to: input) { $0.emitScale(Float(factor), dy, $1) }
  }

  private mutating func emitScale(_ factor: Float, _ x: Matrix, _ y: Matrix) {
    precondition(y.isContiguous && y.type == .float32, "a scaled value is contiguous float32")
    let (team, count) = (team, rowCount * x.columns)
    emit("scale", uses: [x, y]) { run in
      team.split(count) { range, _ in
        ck_scale(
          run.floats(x) + range.lowerBound, factor, run.floats(y) + range.lowerBound, range.count)
      }
    }
  }
}
