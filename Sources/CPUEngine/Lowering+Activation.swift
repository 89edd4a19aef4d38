// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

/// Element-wise functions and products; f(gate) ⊙ up is one kernel.
extension Lowering {
  mutating func activationForward(_ index: Int) {
    switch (operations[index], analysis.fusions[index]) {
    case (.activation(let kind, let gate, _), .withNext):
      guard case .multiply(_, let up, let output) = operations[index + 1] else { return }
      emitGated(kind, gate: value(gate), up: value(up), output: makeValue(output))
    case (.activation(let kind, let input, let output), _):
      emitActivation(kind, contiguous(value(input)), makeValue(output))
    case (.multiply(let left, let right, let output), let fusion) where fusion == nil:
      emitMultiply(contiguous(value(left)), contiguous(value(right)), makeValue(output))
    default: break
    }
  }

  private mutating func emitActivation(
    _ kind: Program.ActivationKind, _ x: Matrix, _ y: Matrix
  ) {
    let (team, count) = (team, rowCount * x.columns)
    emit("activation forward", uses: [x, y]) { run in
      team.split(count) { range, _ in
        let at = range.lowerBound
        if x.type == .float32 {
          ck_activation_forward_f32(
            kind.kernel, run.floats(x) + at, run.floats(y) + at, range.count)
        } else {
          ck_activation_forward_bf16(
            kind.kernel, run.halves(x) + at, run.halves(y) + at, range.count)
        }
      }
    }
  }

  /// out = f(gate) ⊙ up.
  ///
  /// - Parameters:
  ///   - counted: what the number of rows is read from.
  ///   - rows: the number of rows, where only the run tells it; nil for the batch's.
  mutating func emitGated(
    _ kind: Program.ActivationKind, gate: Matrix, up: Matrix, output out: Matrix,
    counted: Matrix? = nil, rows: ((Execution) -> Int)? = nil
  ) {
    let (team, rowCount) = (team, rowCount)
    emit("activation forward", uses: [gate, up, out, counted]) { run in
      team.split(rows?(run) ?? rowCount) { range, _ in
        if gate.type == .float32 {
          ck_gated_forward_f32(
            kind.kernel, run.floats(gate), run.floats(up), gate.stride, run.floats(out),
            out.stride, out.columns, range.lowerBound, range.upperBound)
        } else {
          ck_gated_forward_bf16(
            kind.kernel, run.halves(gate), run.halves(up), gate.stride, run.halves(out),
            out.stride, out.columns, range.lowerBound, range.upperBound)
        }
      }
    }
  }

  private mutating func emitMultiply(_ left: Matrix, _ right: Matrix, _ out: Matrix) {
    let (team, count) = (team, rowCount * out.columns)
    emit("multiply", uses: [left, right, out]) { run in
      team.split(count) { range, _ in
        let at = range.lowerBound
        if out.type == .float32 {
          ck_multiply_f32(
            run.floats(left) + at, run.floats(right) + at, run.floats(out) + at, range.count)
        } else {
          ck_multiply_bf16(
            run.halves(left) + at, run.halves(right) + at, run.halves(out) + at, range.count)
        }
      }
    }
  }

  mutating func activationBackward(_ index: Int) {
    switch (operations[index], analysis.fusions[index]) {
    case (.activation(let kind, let gate, _), .withNext):
      guard case .multiply(_, let up, let output) = operations[index + 1] else { return }
      gatedBackward(kind, gate: gate, up: up, output: output)
    case (.activation(let kind, let input, let output), _):
      plainBackward(index, kind, input: input, output: output)
    case (.multiply(let left, let right, let output), let fusion) where fusion == nil:
      multiplyBackward(left, right, output)
    default: break
    }
  }

  private mutating func gatedBackward(
    _ kind: Program.ActivationKind, gate gateValue: Program.Value, up upValue: Program.Value,
    output: Program.Value
  ) {
    let (gate, up, dout) = (value(gateValue), value(upValue), gradient(output))
    let dgate = contribution(to: gateValue).matrix
    let dup = gradients[upValue] ?? contribution(to: upValue).matrix
    emitGatedBackward(kind, gate: gate, up: up, dout: dout, dgate: dgate, dup: dup)
  }

  /// The gradients by gate and up; the parameters are those of ``emitGated``.
  mutating func emitGatedBackward(
    _ kind: Program.ActivationKind, gate: Matrix, up: Matrix, dout: Matrix, dgate: Matrix,
    dup: Matrix, counted: Matrix? = nil, rows: ((Execution) -> Int)? = nil
  ) {
    precondition(dgate.stride == dup.stride && gate.stride == up.stride, "gate lies as up does")
    let (team, rowCount) = (team, rowCount)
    emit("activation backward", uses: [gate, up, dout, dgate, dup, counted]) { run in
      team.split(rows?(run) ?? rowCount) { range, _ in
        if gate.type == .float32 {
          ck_gated_backward_f32(
            kind.kernel, run.floats(gate), run.floats(up), gate.stride, run.floats(dout),
            dout.stride, run.floats(dgate), run.floats(dup), dgate.stride, dgate.columns,
            range.lowerBound, range.upperBound)
        } else {
          ck_gated_backward_bf16(
            kind.kernel, run.halves(gate), run.halves(up), gate.stride, run.halves(dout),
            dout.stride, run.halves(dgate), run.halves(dup), dgate.stride, dgate.columns,
            range.lowerBound, range.upperBound)
        }
      }
    }
  }

  /// The derivative is taken in place; in the same pass go the column sums that the bias before
  /// it needs.
  private mutating func plainBackward(
    _ index: Int, _ kind: Program.ActivationKind, input: Program.Value, output: Program.Value
  ) {
    let (x, dy) = (contiguous(value(input)), gradient(output))
    precondition(
      gradients[input] == nil && !isShared(dy, besides: output) && dy.type == x.type,
      "an activation's gradient is taken in place")
    gradients[input] = dy
    var bias: Program.Parameter?
    if case .linear(_, _, _, let linearBias?, _) = operations[analysis.producers[input]],
      analysis.isOnlyConsumer(index, of: input)
    {
      bias = linearBias
      finishedBiases.insert(linearBias)
    }
    let width = x.columns
    let partials = makePartials(width)
    let sumsColumns = bias != nil
    let (team, rows) = (team, rowCount)
    emit("activation backward", uses: [x, dy, partials]) { run in
      if sumsColumns { run.floats(partials).update(repeating: 0, count: team.count * width) }
      team.split(rows) { range, thread in
        let share = sumsColumns ? run.floats(partials) + thread * width : nil
        if x.type == .float32 {
          ck_activation_backward_f32(
            kind.kernel, run.floats(x), run.floats(dy), share, width, range.lowerBound,
            range.upperBound)
        } else {
          ck_activation_backward_bf16(
            kind.kernel, run.halves(x), run.halves(dy), share, width, range.lowerBound,
            range.upperBound)
        }
      }
    }
    if let bias { emitReduction(partials, offset: 0, columns: width, into: bias) }
  }

  private mutating func multiplyBackward(
    _ left: Program.Value, _ right: Program.Value, _ output: Program.Value
  ) {
    let dout = contiguous(gradient(output))
    for (factor, other) in [(left, right), (right, left)] {
      let other = contiguous(value(other))
      contribute(to: factor) { lowering, target in
        guard !target.isContiguous else { return lowering.emitMultiply(dout, other, target) }
        let own = lowering.makeMatrix(target.columns, target.type)
        lowering.emitMultiply(dout, other, own)
        lowering.emitRowCopy(own, target)
      }
    }
  }
}

extension Program.ActivationKind {
  /// The kernels' name for it.
  var kernel: Int32 {
    switch self {
    case .geluTanh: Int32(CK_GELU_TANH)
    case .gelu: Int32(CK_GELU)
    case .silu: Int32(CK_SILU)
    }
  }
}
