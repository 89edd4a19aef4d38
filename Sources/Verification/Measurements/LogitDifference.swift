// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Text

/// Whether two models give the same logits and losses: ``Guarantee/loss``.
public struct LogitDifference: Sendable, Hashable {
  /// The largest difference of two logits, relative to the largest logit.
  public var logits: Double
  /// The largest difference of a batch's losses, relative to the loss.
  public var loss: Double
  /// Whether all of the first model's logits and losses are finite; nothing is told where they are not.
  public var isTelling = true

  /// Makes a measurement.
  public init(logits: Double, loss: Double, isTelling: Bool = true) {
    self.logits = logits
    self.loss = loss
    self.isTelling = isTelling
  }

  /// Compares two models; where the grown one knows more tokens, their logits are left out, and the
  /// losses differ by what it gives to them.
  ///
  /// - Throws: the errors of the models; ``VerificationError`` for no batch.
  public static func measure(
    _ small: any MeasuredModel, _ grown: any MeasuredModel, batches: [TokenBatch]
  ) throws -> LogitDifference {
    let (smallSession, grownSession) = (try small.makeSession(), try grown.makeSession())
    let widths = [small, grown].map { $0.program.vocabularySize }
    try VerificationError.check(
      widths[0] <= widths[1], .mismatch, subject: "vocabulary",
      "the grown model knows \(widths[1]) tokens, the small one \(widths[0]), of which a growth "
        + "removes none; is the small model named first?")
    try VerificationError.check(
      batches.contains { $0.targetCount > 0 }, .invalidBatch, subject: "batches", "hold no target")
    var result = LogitDifference(logits: 0, loss: 0)
    for batch in batches where batch.targetCount > 0 {
      let logits = try smallSession.logits(batch)
      let error = relativeError(logits, try grownSession.logits(batch), widths)
      let losses = [try smallSession.loss(batch).mean, try grownSession.loss(batch).mean]
      result.logits = worse(result.logits, error)
      result.loss = worse(result.loss, relativeDifference(losses[1], losses[0]))
      result.isTelling =
        result.isTelling && losses[0].isFinite && logits.allSatisfy(\.isFinite)
    }
    return result
  }

  private static func relativeError(
    _ small: [Double], _ grown: [Double], _ widths: [Int]
  ) -> Double {
    var (difference, largest) = (0.0, 0.0)
    for row in 0..<small.count / widths[0] {
      for token in 0..<widths[0] {
        let (a, b) = (small[row * widths[0] + token], grown[row * widths[1] + token])
        difference = worse(difference, abs(a - b))
        largest = max(largest, abs(a))
      }
    }
    return difference == 0 ? 0 : difference / largest
  }
}

extension LogitDifference {
  /// The two numbers.
  var measurements: [VerificationCheck: MeasuredNumber] {
    let doubt = isTelling ? nil : "the small model's own logits or losses are not finite"
    return [
      .logits: MeasuredNumber(logits, doubt: doubt), .loss: MeasuredNumber(loss, doubt: doubt),
    ]
  }
}
