// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// How long a run is, in optimizer steps of full batches, which planners count in.
package struct RunLength {
  private let training: TrainingConfiguration
  /// Tokens of a step.
  package let tokensPerStep: Double

  /// The length of a run of a model.
  package init(_ training: TrainingConfiguration, contextLength: Int) {
    self.training = training
    tokensPerStep = Double(training.batch.sequencesPerStep) * Double(contextLength)
  }

  /// Steps of the whole run, counted on its schedule: to where it stops, else to the schedule's end.
  ///
  /// Nil where neither is given in steps or tokens.
  package var steps: Double? {
    training.stop.after.flatMap(steps) ?? training.schedule.total.flatMap(steps)
  }

  /// The step after which no small model should be trained, since the run ends or its learning rate
  /// has begun to decay; nil where that is not known.
  package var latestGrowthStep: Double? {
    guard let steps else { return nil }
    let schedule = training.schedule
    guard schedule.kind != .constant, let total = schedule.total.flatMap(self.steps) else {
      return steps
    }
    return min(steps, schedule.kind == .wsd ? decayStart ?? total : total)
  }

  /// Where the decay of a WSD schedule begins, as a step.
  private var decayStart: Double? {
    guard let share = stableShare, let total = training.schedule.total.flatMap(steps) else {
      return nil
    }
    return max(1, total * share)
  }

  /// The share of a WSD schedule that comes before its decay; nil for other schedules.
  package var stableShare: Double? { training.stableShare }

  /// Whether the run or its schedule is counted in operations.
  ///
  /// Steps and tokens of a small model and of a large one are alike, operations are not, so that no
  /// planner's step stands for a place on such a schedule.
  package var isCountedInOperations: Bool {
    [training.stop.after, training.schedule.total]
      .contains { $0?.measure == .floatingPointOperations }
  }

  /// A duration in steps of full batches; nil for one in operations or wall time.
  package func steps(_ duration: TrainingDuration) -> Double? {
    switch duration {
    case .steps(let count): Double(count)
    case .tokens(let count): Double(count) / tokensPerStep
    case .floatingPointOperations, .seconds: nil
    }
  }
}
