// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra

extension Lowering {
  mutating func embeddingForward(_ index: Int) {
    guard case .embedding(let table, let output) = operations[index] else { return }
    guard analysis.fusions[index] == .withNext,
      case .positionEmbedding(let positions, _, let sum) = operations[index + 1]
    else {
      return emitEmbedding(table, positions: nil, makeValue(output))
    }
    let out = makeValue(sum)
    values[output] = out
    emitEmbedding(table, positions: positions, out)
  }

  /// Positions that are added to something else than the tokens' own vectors.
  mutating func positionForward(_ index: Int) {
    guard case .positionEmbedding(let table, let input, let output) = operations[index],
      analysis.fusions[index] != .coveredByPrevious
    else { return }
    let (x, out) = (contiguous(value(input)), makeValue(output))
    let (store, team, rows, length) = (store, team, rowCount, sequenceLength)
    emit("embedding", uses: [x, out]) { run in
      team.split(rows) { range, _ in
        ck_position_forward(
          run.floats(x), store.value(table), length, run.firstPosition, run.floats(out),
          out.columns, range.lowerBound, range.upperBound)
      }
    }
  }

  private mutating func emitEmbedding(
    _ table: Program.Parameter, positions: Program.Parameter?, _ out: Matrix
  ) {
    let (store, team, rows, length) = (store, team, rowCount, sequenceLength)
    emit("embedding", uses: [out]) { run in
      let target = run.floats(out)
      team.split(rows) { range, _ in
        ck_embedding_forward(
          store.value(table), run.tokens, positions.map { store.value($0) }, length,
          run.firstPosition, target, out.columns, range.lowerBound, range.upperBound)
      }
    }
  }

  /// The sum's gradient is each part's; kernels split by columns, so that each element is summed by
  /// one thread.
  mutating func embeddingBackward(_ index: Int) {
    switch operations[index] {
    case .positionEmbedding(let table, let input, let output):
      let dx = gradient(output)
      handOn(dx, to: input)
      prepareToAdd(to: table)
      let (store, team, rows, length) = (store, team, rowCount, sequenceLength)
      emit("embedding", uses: [dx]) { run in
        team.split(dx.columns) { range, _ in
          ck_position_backward(
            run.floats(dx), store.gradient(table), rows, length, dx.columns, range.lowerBound,
            range.upperBound)
        }
      }
    case .embedding(let table, let output):
      let dx = gradient(output)
      prepareToAdd(to: table)
      let (store, team, rows) = (store, team, rowCount)
      emit("embedding", uses: [dx]) { run in
        team.split(dx.columns) { range, _ in
          ck_embedding_backward(
            run.floats(dx), run.tokens, store.gradient(table), rows, dx.columns, range.lowerBound,
            range.upperBound)
        }
      }
    default: break
    }
  }
}
