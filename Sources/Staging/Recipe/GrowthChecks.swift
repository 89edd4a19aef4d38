// SPDX-License-Identifier: Apache-2.0
import Growth
import Training

extension Recipe {
  /// Checks what the growths of listed stages do to the learning rates.
  func checkGrowths(_ keys: RecipeMapping) throws {
    for (index, stage) in stages.enumerated() {
      guard let growth = stage.growth else { continue }
      if let obstacle = growth.learningRates?.obstacle(under: training.parametrization) {
        throw keys.value.nearest(["stages", "[\(index)]", "grow", "learningRates"])
          .conflict(obstacle)
      }
      if let rewarmup = growth.rewarmup, let end = runEnd(inMeasureOf: rewarmup),
        rewarmup.amount >= end.amount
      {
        throw keys.value.nearest(["stages", "[\(index)]", "grow", "rewarmup"]).conflict(
          "the learning rate would rise again for \(rewarmup), and the whole run is \(end) long; give "
            + "less, or 0 steps for none")
      }
    }
  }

  /// Where the run ends, counted as another duration is; nil where that is not known.
  private func runEnd(inMeasureOf other: TrainingDuration) -> TrainingDuration? {
    guard let end = training.stop.after ?? training.schedule.total else { return nil }
    if end.measure == other.measure { return end }
    let perStep = training.batch.sequencesPerStep * (model?.contextLength ?? 0)
    guard perStep > 0 else { return nil }
    switch (end, other.measure) {
    case (.steps(let count), .tokens):
      let tokens = count.multipliedReportingOverflow(by: perStep)
      return tokens.overflow ? nil : .tokens(tokens.partialValue)
    case (.tokens(let count), .steps): return .steps(count / perStep)
    default: return nil
    }
  }
}
