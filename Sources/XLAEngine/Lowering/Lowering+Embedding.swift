// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// Rows of tables: y[r] = table[token r], and y[r] = x[r] + table[position r].

extension Lowering {
  func embed(
    _ tokens: Tensor, _ table: Program.Parameter, _ output: Program.Value
  ) -> Tensor {
    onBackward(output) { [self] dy in
      let zeros = function.constant(0, parameters[table].type)
      contribute(zeros.adding(dy, at: tokens), toParameter: table)
    }
    return parameters[table].rows(tokens)
  }

  func addPositions(
    _ table: Program.Parameter, _ input: Program.Value, _ output: Program.Value
  ) -> Tensor {
    let x = value(input)
    let (length, width) = (batch.sequenceLength, program.widths[input])
    let grouped = [batch.sequenceCount, length, width]
    onBackward(output) { [self] dy in
      contribute(dy, to: input)
      let sum = dy.reshaped(to: grouped).sum(over: [0])
      let behind = parameters[table].extents[0] - length
      contribute(sum.padded(after: behind, axis: 0), toParameter: table)
    }
    // A piece may be filled up beyond the last position; its rows there are not looked at.
    let rows =
      cache.map { parameters[table].rows($0.positions(length)) }
      ?? parameters[table].slice(0..<length, axis: 0)
    return (x.reshaped(to: grouped) + rows.broadcast(to: grouped, axes: [1, 2]))
      .reshaped(to: x.extents)
  }
}
