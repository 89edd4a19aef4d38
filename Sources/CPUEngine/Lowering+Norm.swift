// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

extension Lowering {
  /// A norm, alone or with the addition before it; an addition alone.
  mutating func normForward(_ index: Int) throws {
    switch operations[index] {
    case .add(let left, let right, let output):
      if analysis.fusions[index] == .withNext {
        emitNorm(index + 1, left: left, right: right, sum: makeValue(output))
      } else {
        emitAdd(value(left), value(right), makeValue(output))
      }
    case .norm(_, _, let input, _, _, _) where analysis.fusions[index] != .coveredByPrevious:
      emitNorm(index, left: input, right: nil, sum: nil)
    default: break
    }
  }

  private mutating func emitNorm(
    _ index: Int, left: Program.Value, right: Program.Value?, sum: Matrix?
  ) {
    guard
      case .norm(let kind, let epsilon, _, let gain, let bias, let output) = operations[index]
    else { return }
    let gainOffset = Float(gain?.offset ?? 0)
    let x = value(left)
    let y = right.map { value($0) }
    let h = makeValue(output)
    let mean = makeMatrix(1, .float32)
    let rstd = makeMatrix(1, .float32)
    kept[index] = [mean, rstd]
    let (store, team, rows, width) = (store, team, rowCount, x.columns)
    emit("norm forward", uses: [x, y, sum, h, mean, rstd]) { run in
      let gainPointer = gain.map { store.value($0.parameter) }
      let biasPointer = bias.map { store.value($0) }
      let yPointer = y.map { UnsafePointer(run.floats($0)) }
      let sumPointer = sum.map { run.floats($0) }
      team.split(rows) { range, _ in
        if h.type == .float32 {
          ck_norm_forward_f32(
            kind.kernel, run.floats(x), yPointer, sumPointer, run.floats(h), run.floats(mean),
            run.floats(rstd), gainPointer, gainOffset, biasPointer, Float(epsilon), width,
            range.lowerBound, range.upperBound)
        } else {
          ck_norm_forward_bf16(
            kind.kernel, run.floats(x), yPointer, sumPointer, run.halves(h), run.floats(mean),
            run.floats(rstd), gainPointer, gainOffset, biasPointer, Float(epsilon), width,
            range.lowerBound, range.upperBound)
        }
      }
    }
  }

  private mutating func emitAdd(_ left: Matrix, _ right: Matrix, _ out: Matrix) {
    let (team, count) = (team, rowCount * out.columns)
    emit("add", uses: [left, right, out]) { run in
      team.split(count) { range, _ in
        let at = range.lowerBound
        ck_add_f32(
          run.floats(left) + at, run.floats(right) + at, run.floats(out) + at, range.count)
      }
    }
  }

  /// A sum hands its gradient to both parts as it is; they share the buffer until one adds to it.
  mutating func addBackward(_ index: Int) {
    guard case .add(let left, let right, let output) = operations[index] else { return }
    let whole = gradient(output)
    for part in [right, left] { handOn(whole, to: part) }
  }

  /// The norm's derivative joins the residual stream's gradient; in the same pass go the copy and
  /// the column sums that the linear map before the stream's last addition needs.
  mutating func normBackward(_ index: Int) {
    guard case .norm(let kind, _, let input, let gain, let bias, let output) = operations[index],
      let statistics = kept[index]
    else { return }
    let dh = gradient(output)
    let x = value(input)
    let (dx, accumulates) = contribution(to: input)
    let branch = branchThatEnds(at: input, afterAllBut: index)
    let copy =
      branch != nil && operandType == .bfloat16 ? makeMatrix(dx.columns, .bfloat16) : nil
    if let branch, let copy { gradientOperands[branch.value] = copy }

    let width = dx.columns
    let partials = makePartials(3 * width)
    let (store, team, rows) = (store, team, rowCount)
    let (mean, rstd) = (statistics[0], statistics[1])
    let sumsColumns = branch?.bias != nil
    let gainOffset = Float(gain?.offset ?? 0)
    emit("norm backward", uses: [x, dh, mean, rstd, dx, copy, partials]) { run in
      let copyPointer = copy.map { run.halves($0) }
      run.floats(partials).update(repeating: 0, count: team.count * partials.stride)
      team.split(rows) { range, thread in
        let share = run.floats(partials) + thread * partials.stride
        ck_norm_backward(
          kind.kernel, run.floats(x), run.floats(dh), run.floats(mean), run.floats(rstd),
          gain.map { store.value($0.parameter) }, gainOffset, run.floats(dx), accumulates ? 1 : 0,
          copyPointer, gain != nil ? share : nil, bias != nil ? share + width : nil,
          sumsColumns ? share + 2 * width : nil, width, range.lowerBound, range.upperBound)
      }
    }
    if let gain { emitReduction(partials, offset: 0, columns: width, into: gain.parameter) }
    if let bias { emitReduction(partials, offset: width, columns: width, into: bias) }
    if let branchBias = branch?.bias {
      emitReduction(partials, offset: 2 * width, columns: width, into: branchBias)
      finishedBiases.insert(branchBias)
    }
  }

  /// The linear map whose result is a value, or was added to it last, where the value's gradient is
  /// complete with this operation's contribution.
  private func branchThatEnds(
    at value: Program.Value, afterAllBut index: Int
  ) -> (value: Program.Value, bias: Program.Parameter?)? {
    guard analysis.consumers[value].min() == index else { return nil }
    var candidates = [value]
    if case .add(let left, let right, _) = operations[analysis.producers[value]] {
      candidates = [right, left].filter { analysis.consumers[$0].count == 1 }
    }
    for candidate in candidates {
      if case .linear(_, _, _, let bias, _) = operations[analysis.producers[candidate]] {
        return (candidate, bias)
      }
    }
    return nil
  }
}

extension Program.NormKind {
  /// The kernels' name for it.
  var kernel: Int32 { Int32(self == .layer ? CK_LAYER_NORM : CK_RMS_NORM) }
}
