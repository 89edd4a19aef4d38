// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// What to know before trusting a plan's numbers.
struct PlanNotes {
  let lines: [String]

  init(_ request: PlanRequest, _ models: [ModelCost], finalLoss: Double) {
    var lines = ["Operations are counted as \(request.computeCount.explanation)."]
    if request.draws.isEmpty {
      lines.append(
        "The law is taken as it is, so the saving has no interval; fit your own runs for one.")
    }
    if let target = models.last, Self.isUndertrained(request, target, finalLoss) {
      lines.append(
        "The final loss lies well above where the target is trained just long enough; a smaller "
          + "target reaches it with less compute.")
    }
    lines += Self.looseExponents(request)
    if let batch = Self.batchNote(request, finalLoss) { lines.append(batch) }
    if let batch = Self.fittedBatchNote(request) { lines.append(batch) }
    if let sizes = request.lawSizes, let note = Self.sizeNote(sizes, models) { lines.append(note) }
    lines.append(
      "No law prices late depth expansion, whose small model has one layer or none: only a trial "
        + "tells its loss.")
    self.lines = lines
  }

  private static func isUndertrained(
    _ request: PlanRequest, _ target: ModelCost, _ loss: Double
  ) -> Bool {
    let size = Double(target.parameterCount)
    guard let steps = request.law.steps(parameters: size, reaching: loss) else { return false }
    return steps < 0.7 * request.law.optimalSteps(parameters: size)
  }

  /// Exponents that the bootstrap spreads over more than a factor of two.
  private static func looseExponents(_ request: PlanRequest) -> [String] {
    let exponents: [(String, (ScalingLaw) -> Double)] = [
      ("αN", \.sizeExponent), ("αS", \.stepExponent),
    ]
    return exponents.compactMap { name, exponent in
      let values = request.draws.map(exponent).sorted()
      guard Quantiles.sample(values, 0.95) > 2 * Quantiles.sample(values, 0.05) else { return nil }
      return "The curves hardly determine \(name); train longer ones, or more sizes."
    }
  }

  /// The published law speaks of training at the critical batch.
  private static func batchNote(_ request: PlanRequest, _ loss: Double) -> String? {
    guard request.law == .kaplan, loss.isFinite else { return nil }
    let critical = CriticalBatch.kaplan.tokens(atLoss: loss)
    let share = request.tokensPerStep / critical
    guard share < 0.5 || share > 2 else { return nil }
    return "The published law holds at the critical batch, \(count(critical)) tokens at the final "
      + "loss; this batch of \(count(request.tokensPerStep)) is "
      + "\((share * 1000).rounded() / 1000) of it, so expect other numbers of steps."
  }

  private static func sizeNote(_ sizes: LawFit.Interval, _ models: [ModelCost]) -> String? {
    let outside = models.filter {
      Double($0.parameterCount) < 0.8 * sizes.low || Double($0.parameterCount) > 1.25 * sizes.high
    }
    guard !outside.isEmpty else { return nil }
    let counts = outside.map { String($0.parameterCount) }.joined(separator: ", ")
    return
      "The law was fitted to models of \(count(sizes.low)) to \(count(sizes.high)) parameters, and "
      + "is stretched to \(counts)."
  }

  /// A whole number where it is one of a size that people write out.
  private static func count(_ value: Double) -> String {
    abs(value) < 1e15 ? String(Int(bounding: value)) : "\(value)"
  }

  /// S means nothing across batches of different sizes.
  private static func fittedBatchNote(_ request: PlanRequest) -> String? {
    guard let fitted = request.lawTokensPerStep, abs(request.tokensPerStep / fitted - 1) > 0.1
    else { return nil }
    return "The law was fitted at \(count(fitted)) tokens a step, and this batch has "
      + "\(count(request.tokensPerStep)); expect other numbers of steps, or fit runs of this batch."
  }
}
