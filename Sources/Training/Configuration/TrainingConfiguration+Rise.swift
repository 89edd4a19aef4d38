// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput

/// A rise of the learning rate in the middle of a schedule that a training ends before.
package struct UnreachedRise: Sendable, Hashable {
  /// The progress at which the rate would be the schedule's own.
  package var risen: TrainingDuration
  /// The progress at which the training ends, in the same measure.
  package var end: TrainingDuration

  /// `to step 75, and the run ends at step 60`, for a sentence.
  ///
  /// - Parameter subject: what ends, with its verb.
  package func text(_ subject: String) -> String {
    "to \(risen.place), and \(subject) at \(end.place)"
  }
}

extension TrainingConfiguration {
  /// Where a training that goes on from a state ends before its learning rate, which rises again after a
  /// growth, is the schedule's own.
  ///
  /// Durations of different measures are compared by steps of full batches.
  ///
  /// - Parameter end: where the training ends, as the run's own progress counts; nil for where the schedule
  ///   or, at a length, the run does.
  /// - Returns: nil where the rate comes to that, where the training is over, or where the measures cannot
  ///   be compared.
  package func unreachedRise(
    from status: TrainingStatus, endingAt end: TrainingDuration? = nil
  ) throws -> UnreachedRise? {
    let position = status.position
    guard let rewarmup = position.rewarmup, position.rewarmupFactor(at: status.progress) < 1,
      let end = end ?? stop.after ?? schedule.total?.minus(position.offset)
    else { return nil }
    let risen = rewarmup.duration.plus(rewarmup.start)
    if risen.measure == end.measure {
      return risen.amount > end.amount && !end.isReached(by: status.progress)
        ? UnreachedRise(risen: risen, end: end) : nil
    }
    guard let pace = try BatchPace(batch, of: status.model),
      let length = pace.steps(in: rewarmup.duration),
      let left = pace.steps(in: end.minus(status.progress)), left > 0
    else { return nil }
    let steps = (
      risen: Double(rewarmup.start.steps) + length, end: Double(status.progress.steps) + left
    )
    return steps.risen > steps.end
      ? UnreachedRise(
        risen: .steps(Int(bounding: steps.risen.rounded(.up))),
        end: .steps(Int(bounding: steps.end.rounded(.up)))) : nil
  }
}

/// What steps of full batches take of each measure but wall time.
package struct BatchPace: Sendable {
  /// Tokens of a step.
  private let tokens: Double
  /// Floating-point operations of a step.
  private let operations: Double

  /// The pace of a model; nil where sizes of batches rise on the way, so that steps differ.
  ///
  /// - Throws: `ArchitecturesError` for a model whose sizes contradict each other.
  package init?(_ batch: BatchConfiguration, of model: ModelConfiguration) throws {
    guard batch.sequencesWarmup == nil, batch.sequenceLengthWarmup == nil else { return nil }
    tokens = Double(batch.sequencesPerStep) * Double(model.contextLength)
    operations =
      tokens * (try model.floatingPointOperations(sequenceLength: model.contextLength).training)
  }

  /// The steps that a duration takes, whole or not; nil for wall time.
  package func steps(in duration: TrainingDuration) -> Double? {
    switch duration {
    case .steps(let count): Double(count)
    case .tokens(let count): Double(count) / tokens
    case .floatingPointOperations(let amount): amount / operations
    case .seconds: nil
    }
  }

  /// What so many steps take; no wall time, which is not known.
  package func progress(ofSteps count: Int) -> TrainingProgress {
    TrainingProgress(
      steps: count, tokens: Int(bounding: Double(count) * tokens),
      floatingPointOperations: Double(count) * operations)
  }
}

extension TrainingDuration {
  /// The moment at which so much is done: `step 60`, `20M tokens`.
  package var place: String {
    if case .steps(let count) = self { "step \(count)" } else { "\(self)" }
  }

  /// The duration after some progress.
  package func plus(_ progress: TrainingProgress) -> TrainingDuration {
    with(amount + progress.amount(measure))
  }

  /// The duration without some progress.
  package func minus(_ progress: TrainingProgress) -> TrainingDuration {
    with(amount - progress.amount(measure))
  }

  /// A part of the duration.
  package func times(_ share: Double) -> TrainingDuration { with(amount * share) }

  /// The same measure; counts are rounded up and never below zero.
  private func with(_ amount: Double) -> TrainingDuration {
    let count = Int(bounding: max(0, amount).rounded(.up))
    return switch self {
    case .steps: .steps(count)
    case .tokens: .tokens(count)
    case .floatingPointOperations: .floatingPointOperations(amount)
    case .seconds: .seconds(amount)
    }
  }
}
