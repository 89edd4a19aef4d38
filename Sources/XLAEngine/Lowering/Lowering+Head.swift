// SPDX-License-Identifier: Apache-2.0
import Architectures
import StableHLO

// logits = scale · x · Wᵀ; each row's loss is −log softmax(logits)[target], 0 for a target of −1.
//
// Rows go in chunks, and in training each chunk's gradients follow its loss at once, so that the whole
// batch's logits never exist.

extension Lowering {
  private var head: (input: Program.Value, weight: Program.Parameter, scale: Double) {
    guard case .head(let input, let weight, let scale) = program.operations.last else {
      preconditionFailure("a program ends in its head")
    }
    return (input, weight, scale)
  }

  /// The logits of some rows of the head's input, [rows, V].
  private func logits(_ x: Tensor, _ weight: Tensor) -> Tensor {
    let logits = operand(x).product(operand(weight), .init(summed: [(1, 1)]))
    return head.scale == 1 ? logits : logits * head.scale
  }

  /// All logits, [R, V].
  func lowerLogits() -> Tensor { logits(value(head.input), parameters[head.weight]) }

  /// The logits of one row, a scalar of `int32`; [1, V].
  func lowerLogits(ofRow row: Tensor) -> Tensor {
    logits(
      value(head.input).slice(at: row, count: 1, axis: 0), parameters[head.weight])
  }

  /// Each row's log probability of its target, and whether no other token is likelier.
  func lowerScores(_ targets: Tensor) -> (logProbabilities: Tensor, greedy: Tensor) {
    let weight = parameters[head.weight]
    let results = inChunks(
      targets, carrying: [], passing: [operand(weight)],
      outputs: [TensorType(.float32), TensorType(.boolean)]
    ) { [self] chunk in
      let row = distribution(logits(chunk.x, chunk.passed[0]), chunk.targets)
      let target = row.atTarget.broadcast(to: row.logits.extents, axes: [0])
      let isEarlier = row.numbers.compares(.less, to: row.targetNumbers)
      // Among equals the lowest id is the greedy one.
      let isLikelier = row.logits.compares(.greater, to: target)
        .or(row.logits.compares(.equal, to: target).and(isEarlier))
      let none = isLikelier.converted(to: .float32).largest(over: [1])
      let greedy = none.compares(.equal, to: none * 0).and(row.counts)
      return ([], [row.logProbability, greedy])
    }
    return (results.rows[0], results.rows[1])
  }

  /// Each row's loss; contributes the gradients of their sum times `lossWeight`, a scalar.
  func lowerLoss(_ targets: Tensor, lossWeight: Tensor) -> Tensor {
    let (input, weight) = (head.input, parameters[head.weight])
    let zeros = function.constant(0, weight.type)
    let results = inChunks(
      targets, carrying: [zeros], passing: [operand(weight), lossWeight],
      outputs: [TensorType(.float32), TensorType(.float32, [program.widths[input]])]
    ) { [self] chunk in
      let row = distribution(logits(chunk.x, chunk.passed[0]), chunk.targets)
      let factor = chunk.passed[1].broadcast(to: chunk.targets.extents) * head.scale
      let slope = row.counts.selecting(factor, otherwise: 0)
        .broadcast(to: row.logits.extents, axes: [0])
      let isTarget = row.numbers.compares(.equal, to: row.targetNumbers)
      let dlogits = operand(
        (row.probabilities() - isTarget.converted(to: .float32)) * slope)
      let dx = dlogits.product(chunk.passed[0], .init(summed: [(1, 0)]))
      let dweight = summedOverRows(dlogits, operand(chunk.x))
      return ([chunk.carried[0] + dweight], [row.logProbability * -1, dx])
    }
    contribute(results.rows[1], to: input)
    contribute(results.carried[0], toParameter: head.weight)
    return results.rows[0]
  }
}

// MARK: Rows

extension Lowering {
  /// What the head says of some rows.
  private struct Distribution {
    var logits: Tensor
    /// Token ids along the columns, and each row's target in all of them.
    var numbers: Tensor
    var targetNumbers: Tensor
    /// Whether a row has a target.
    var counts: Tensor
    var atTarget: Tensor
    /// 0 for a row without a target.
    var logProbability: Tensor
    /// The softmax, as something to be written where it is needed.
    var probabilities: () -> Tensor
  }

  private func distribution(_ logits: Tensor, _ targets: Tensor) -> Distribution {
    let extents = logits.extents
    let numbers = function.iota(TensorType(.int32, extents), axis: 1)
    let targetNumbers = targets.broadcast(to: extents, axes: [0])
    let counts = targets.compares(.greaterOrEqual, to: function.constant(0, targets.type))
    let largest = logits.largest(over: [1])
    let powers = (logits - largest.broadcast(to: extents, axes: [0])).exponential()
    let sum = powers.sum(over: [1])
    let atTarget = numbers.compares(.equal, to: targetNumbers).selecting(logits, otherwise: 0)
      .sum(over: [1])
    let logProbability = counts.selecting(
      atTarget - largest - sum.logarithm(), otherwise: 0)
    return Distribution(
      logits: logits, numbers: numbers, targetNumbers: targetNumbers, counts: counts,
      atTarget: atTarget, logProbability: logProbability,
      probabilities: { powers / sum.broadcast(to: extents, axes: [0]) })
  }

  /// Some of the head's rows.
  private struct Chunk {
    var x: Tensor
    var targets: Tensor
    /// What is the same in all chunks.
    var passed: [Tensor]
    /// What the chunk before made.
    var carried: [Tensor]
  }

  /// Computes the head's rows chunk by chunk.
  ///
  /// - Parameters:
  ///   - carrying: what each chunk changes, at first.
  ///   - passing: what all chunks read.
  ///   - outputs: the types of what the chunks make for each row.
  ///   - body: makes the next of what it carries, and the rows of the outputs.
  private func inChunks(
    _ targets: Tensor, carrying: [Tensor], passing: [Tensor], outputs: [TensorType],
    _ body: (Chunk) -> (carried: [Tensor], rows: [Tensor])
  ) -> (carried: [Tensor], rows: [Tensor]) {
    let x = value(head.input)
    let most = max(1, options.logitsAtOnce / max(1, program.vocabularySize))
    let count = (rowCount + most - 1) / most
    guard count > 1 else {
      return body(Chunk(x: x, targets: targets, passed: passing, carried: carrying))
    }
    // Rows that fill the last chunk have no target.
    let size = (rowCount + count - 1) / count
    let filling = count * size - rowCount
    let one = function.constant(1, targets.type)
    let allTargets = (targets + one).padded(after: filling, axis: 0)
    let empty = outputs.map {
      function.constant(0, TensorType($0.element, [count * size] + $0.extents))
    }
    let start = [x.padded(after: filling, axis: 0), allTargets] + passing + carrying + empty
    let results = function.loop(count, start) { turn, values in
      let first = turn * function.constant(size, turn.type)
      let chunkTargets = values[1].slice(at: first, count: size, axis: 0)
      let made = body(
        Chunk(
          x: values[0].slice(at: first, count: size, axis: 0),
          targets: chunkTargets - function.constant(1, chunkTargets.type),
          passed: Array(values[2..<2 + passing.count]),
          carried: Array(values[(2 + passing.count)...].prefix(carrying.count))))
      let rows = zip(values.suffix(outputs.count), made.rows).map { all, part in
        all.replacing(part, at: first, axis: 0)
      }
      return Array(values[0..<2 + passing.count]) + made.carried + rows
    }
    return (
      Array(results[(2 + passing.count)...].prefix(carrying.count)),
      results.suffix(outputs.count).map { $0.slice(0..<rowCount, axis: 0) }
    )
  }
}
