// SPDX-License-Identifier: Apache-2.0
import Foundation
import Interpretation
import Text

/// Compares two models' logits block after block of the vocabulary, so that neither is ever held
/// whole.
struct LogitComparison {
  private let batch: TokenBatch
  private var worst = 0.0
  private var largest = 0.0
  private var isTelling = true
  private var small: [RowLoss]
  private var grown: [RowLoss]

  init(_ batch: TokenBatch) {
    self.batch = batch
    small = batch.targets.map { RowLoss(target: $0) }
    grown = small
  }

  /// Takes in logits of the tokens from `first` on, of both models; rows behind the batch's are left
  /// out.
  mutating func add<Small, Grown>(
    _ smallLogits: Activations<Small>, _ grownLogits: Activations<Grown>, from first: Int
  ) {
    for index in 0..<min(smallLogits.count, grownLogits.count) {
      let (a, b) = (Double(smallLogits.base[index]), Double(grownLogits.base[index]))
      worst = worse(worst, abs(a - b))
      largest = max(largest, abs(a))
      isTelling = isTelling && a.isFinite
    }
    for row in small.indices { small[row].add(smallLogits, row, from: first) }
    add(grownLogits, from: first)
  }

  /// Takes in logits of tokens that only the grown model knows.
  mutating func add<Scalar>(_ grownLogits: Activations<Scalar>, from first: Int) {
    for row in grown.indices { grown[row].add(grownLogits, row, from: first) }
  }

  /// The mean losses over all targets, once all logits were taken in.
  var losses: VerificationReport.Losses {
    func mean(_ rows: [RowLoss]) -> Double {
      rows.reduce(0) { $0 + $1.loss } / Double(max(1, batch.targetCount))
    }
    return VerificationReport.Losses(small: mean(small), grown: mean(grown))
  }

  /// How far rounding carries one model from the other, once all logits were taken in.
  ///
  /// A mean loss may differ by little because tokens' differences happen to cancel; what they amount to
  /// in the mean of so many counts as well.
  func rounding(residual: Double?) -> ModelRounding {
    let count = Double(max(1, batch.targetCount))
    let squares = zip(small, grown).reduce(0) { sum, rows in
      let difference = rows.1.loss - rows.0.loss
      return sum + difference * difference
    }
    let largest = difference
    return ModelRounding(
      logits: largest.logits,
      loss: worse(largest.loss, squares.squareRoot() / count / abs(losses.small)),
      residual: residual)
  }

  /// The differences so far, relative to the largest logit and to the loss.
  var difference: LogitDifference {
    let losses = losses
    return LogitDifference(
      logits: worst == 0 ? 0 : worst / largest,
      loss: relativeDifference(losses.grown, losses.small),
      isTelling: isTelling && losses.small.isFinite)
  }
}

/// −log softmax(logits)[target] of one row whose logits come in pieces.
private struct RowLoss {
  var target: Int32
  private var targetLogit = 0.0
  private var largest = -Double.infinity
  /// Σ exp(logit − largest).
  private var sum = 0.0

  init(target: Int32) { self.target = target }

  mutating func add<Scalar>(_ logits: Activations<Scalar>, _ row: Int, from first: Int) {
    guard target >= 0 else { return }
    let values = logits.row(row)
    var peak = largest
    for index in 0..<logits.columnCount { peak = max(peak, Double(values[index])) }
    // What is no number stays none.
    sum *= largest == peak ? 1 : exp(largest - peak)
    for index in 0..<logits.columnCount { sum += exp(Double(values[index]) - peak) }
    largest = peak
    let place = Int(target) - first
    if (0..<logits.columnCount).contains(place) { targetLogit = Double(values[place]) }
  }

  var loss: Double { target < 0 ? 0 : largest + log(sum) - targetLogit }
}
