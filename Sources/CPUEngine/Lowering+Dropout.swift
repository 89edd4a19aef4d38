// SPDX-License-Identifier: Apache-2.0
import Architectures
import CKernels
import LinearAlgebra
import Training

/// Dropout in training; elsewhere the value passes as it is. The mask is never stored: both
/// directions draw it from the same counters.
extension Lowering {
  mutating func dropoutForward(_ index: Int) {
    guard case .dropout(_, _, let input, let output) = operations[index] else { return }
    guard purpose == .training else {
      values[output] = value(input)
      return
    }
    emitDropout(index, value(input), makeValue(output))
  }

  mutating func dropoutBackward(_ index: Int) {
    guard case .dropout(_, _, let input, let output) = operations[index] else { return }
    let dy = gradient(output)
    precondition(gradients[input] == nil, "a dropped value has one reader")
    emitDropout(index, dy, contribution(to: input).matrix)
  }

  private mutating func emitDropout(_ index: Int, _ x: Matrix, _ y: Matrix) {
    guard case .dropout(let rate, let stream, _, _) = operations[index] else { return }
    precondition(x.isContiguous && y.isContiguous && x.type == y.type, "dropout of whole rows")
    let (team, count) = (team, rowCount * x.columns)
    emit("dropout", uses: [x, y]) { run in
      let random = run.dropoutKey.random(stream: stream)
      team.split(count) { range, _ in
        var random = random
        let at = range.lowerBound
        if x.type == .float32 {
          ck_dropout_f32(
            run.floats(x) + at, run.floats(y) + at, range.count, rate, &random, UInt64(at))
        } else {
          ck_dropout_bf16(
            run.halves(x) + at, run.halves(y) + at, range.count, rate, &random, UInt64(at))
        }
      }
    }
  }
}

extension DropoutKey {
  /// The kernels' generator for one place of the program.
  func random(stream: Int) -> ck_random {
    let words = randomWords(stream: stream)
    return ck_random(
      key0: words.key0, key1: words.key1, counter2: words.counter2, counter3: words.counter3)
  }
}
