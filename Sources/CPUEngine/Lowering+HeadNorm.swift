// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

/// Norms of each head by itself: those of queries and keys.
extension Lowering {
  mutating func headNormForward(_ index: Int) {
    guard case .headNorm(_, _, let input, _, let gain, let output) = operations[index] else {
      return
    }
    let (x, h) = (value(input), makeValue(output))
    guard let shape = headNormShape(index, x, h) else { return }
    let (mean, rstd) = (makeMatrix(shape.heads, .float32), makeMatrix(shape.heads, .float32))
    kept[index] = [mean, rstd]
    let (store, team, rows) = (store, team, rowCount)
    emit("head norm forward", uses: [x, h, mean, rstd]) { run in
      let gain = store.value(gain.parameter)
      team.split(rows) { range, _ in
        var shape = shape
        if x.type == .float32 {
          ck_head_norm_forward_f32(
            &shape, run.floats(x), run.floats(h), run.floats(mean), run.floats(rstd), gain,
            range.lowerBound, range.upperBound)
        } else {
          ck_head_norm_forward_bf16(
            &shape, run.halves(x), run.halves(h), run.floats(mean), run.floats(rstd), gain,
            range.lowerBound, range.upperBound)
        }
      }
    }
  }

  mutating func headNormBackward(_ index: Int) {
    guard case .headNorm(_, _, let input, let headSize, let gain, let output) = operations[index],
      let statistics = kept[index]
    else { return }
    let (x, dh) = (value(input), gradient(output))
    let (dx, accumulates) = contribution(to: input)
    guard let shape = headNormShape(index, x, dh) else { return }
    let (mean, rstd, partials) = (statistics[0], statistics[1], makePartials(headSize))
    let (store, team, rows) = (store, team, rowCount)
    emit("head norm backward", uses: [x, dh, mean, rstd, dx, partials]) { run in
      let gain = store.value(gain.parameter)
      run.floats(partials).update(repeating: 0, count: team.count * partials.stride)
      team.split(rows) { range, thread in
        var shape = shape
        let share = run.floats(partials) + thread * partials.stride
        if x.type == .float32 {
          ck_head_norm_backward_f32(
            &shape, run.floats(x), run.floats(dh), run.floats(mean), run.floats(rstd), gain,
            run.floats(dx), dx.stride, accumulates ? 1 : 0, share, range.lowerBound,
            range.upperBound)
        } else {
          ck_head_norm_backward_bf16(
            &shape, run.halves(x), run.halves(dh), run.floats(mean), run.floats(rstd), gain,
            run.halves(dx), dx.stride, accumulates ? 1 : 0, share, range.lowerBound,
            range.upperBound)
        }
      }
    }
    emitReduction(partials, offset: 0, columns: headSize, into: gain.parameter)
  }

  private func headNormShape(_ index: Int, _ x: Matrix, _ h: Matrix) -> ck_head_norm? {
    guard case .headNorm(let kind, let epsilon, _, let headSize, let gain, _) = operations[index]
    else { return nil }
    precondition(x.type == h.type, "a norm of heads keeps the type")
    return ck_head_norm(
      kind: kind.kernel, heads: x.columns / headSize, head_size: headSize, ldx: x.stride,
      ldh: h.stride, gain_offset: Float(gain.offset), epsilon: Float(epsilon))
  }
}
