// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Σ −log softmax(logits)[target] over rows whose target is not −1.
package enum CrossEntropyOperation {
  package static func forward(_ logits: Matrix, targets: [Int32]) -> Double {
    zip(logProbabilities(logits, targets: targets), targets)
      .reduce(0) { $1.1 < 0 ? $0 : $0 - $1.0 }
  }

  /// The sum's gradient divided by `normalizer`: softmax(logits) − [column = target].
  package static func backward(
    _ logits: Matrix, targets: [Int32], normalizer: Double
  ) -> Matrix {
    var gradient = Matrix(zeros: logits.rowCount, logits.columnCount)
    for (row, target) in targets.enumerated() where target >= 0 {
      let probabilities = softmax((0..<logits.columnCount).map { logits[row, $0] })
      for (column, probability) in probabilities.enumerated() {
        gradient[row, column] = (probability - (column == Int(target) ? 1 : 0)) / normalizer
      }
    }
    return gradient
  }

  /// log softmax(logits)[target] of each row; 0 where the target is −1.
  package static func logProbabilities(_ logits: Matrix, targets: [Int32]) -> [Double] {
    targets.enumerated().map { row, target in
      guard target >= 0 else { return 0 }
      let values = (0..<logits.columnCount).map { logits[row, $0] }
      let largest = values.max() ?? 0
      let logSum = log(values.reduce(0) { $0 + exp($1 - largest) })
      return logits[row, Int(target)] - largest - logSum
    }
  }
}
