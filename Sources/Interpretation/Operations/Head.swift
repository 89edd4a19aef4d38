// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import LinearAlgebra
import Training

extension Interpreter {
  /// Scaled logits of some of the vocabulary's tokens, [R, tokens].
  ///
  /// - Throws: ``InterpretationError`` for a program without a head.
  package func logits(of tokens: Range<Int>) throws -> Activations<Scalar> {
    guard case .head(let input, let weight, let scale) = program.operations.last else {
      throw InterpretationError(.brokenProgram, "has no head", subject: "program")
    }
    let result = Activations<Scalar>(rows: rowCount, columns: tokens.count)
    try project(value(input), on: tokens, of: weight, into: result)
    let factor = Double(Scalar(scale))
    if factor != 1 { self.scale(result, by: factor) }
    return result
  }

  /// Σ −log softmax(logits)[target] over rows whose target is not −1.
  package func loss(_ logits: Activations<Scalar>) -> LossSum {
    var total = 0.0
    for (row, target) in batch.targets.enumerated() where target >= 0 {
      Scalar.withDoubles(reading: logits.row(row), logits.columnCount) {
        total -= logProbability(of: Int(target), $0, logits.columnCount)
      }
    }
    return LossSum(total: total, targetCount: batch.targetCount)
  }

  /// The loss's gradient by scaled logits, divided by `normalizer`: softmax(logits) − [column = target];
  /// then the head's own.
  func headBackward(
    _ head: LinearMap, scale: Double, input x: Activations<Scalar>, logits: Activations<Scalar>,
    normalizer: Double, into dx: Activations<Scalar>
  ) throws {
    let dlogits = Activations<Scalar>(rows: logits.rowCount, columns: logits.columnCount)
    dlogits.copy(logits)
    let vocabulary = logits.columnCount
    dlogits.forEachRow(cost: 30, arithmetic) { row, values in
      let target = Int(batch.targets[row])
      guard target >= 0 else { return values.update(repeating: 0, count: vocabulary) }
      softmax(values, 0..<vocabulary)
      values[target] -= 1
      for column in 0..<vocabulary { values[column] *= scale / normalizer }
    }
    try linearBackward(head, x, dlogits, into: dx)
  }
}

/// log softmax(logits)[target] of one row.
package func logProbability(
  of target: Int, _ logits: UnsafePointer<Double>, _ count: Int
) -> Double {
  var (largest, sum) = (-Double.infinity, 0.0)
  for column in 0..<count { largest = max(largest, logits[column]) }
  for column in 0..<count { sum += exp(logits[column] - largest) }
  return logits[target] - largest - log(sum)
}

/// exp(x) / Σ exp(x) in place of some elements, with the largest taken off first so that nothing
/// overflows.
func softmax(_ x: UnsafeMutablePointer<Double>, _ range: Range<Int>) {
  var (largest, sum) = (-Double.infinity, 0.0)
  for index in range { largest = max(largest, x[index]) }
  for index in range {
    x[index] = exp(x[index] - largest)
    sum += x[index]
  }
  for index in range { x[index] /= sum }
}
