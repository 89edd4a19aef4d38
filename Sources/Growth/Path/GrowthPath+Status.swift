// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Text
import Training

extension GrowthPath {
  /// All of a grown state but its tensors: its place on the schedule, one more entry in its lineage.
  ///
  /// Losses, noise scale and slope belong to the model that was measured, so they begin anew. Step
  /// counts, data and random state go on.
  package func grown(_ status: TrainingStatus) -> TrainingStatus {
    var result = steps.reduce(status) { $1.plan.grown($0) }
    if case .repositioned(let ratio, let rewarmup) = options.schedule {
      result.position = result.position.moved(
        result.progress, by: ratio, rewarmup: rewarmup, on: result.training.schedule)
    }
    result.lineage.append(
      LineageEntry(
        operation: operation, source: options.source, sourceHash: options.sourceHash,
        step: result.progress.steps))
    return result
  }

  /// The path with the training's parametrization, and with the schedule's place where that was left to the
  /// models and the training.
  ///
  /// - Parameter status: the training; nil for weights alone, which have neither.
  /// - Throws: ``GrowthError`` of code `invalidOptions` for learning rates of the small model's trajectory
  ///   where the parametrization sets them; the errors of Architectures for models that contradict
  ///   themselves.
  package func settled(for status: TrainingStatus?) throws -> GrowthPath {
    var path = try parametrized(as: status?.training.parametrization)
    if let status { return try path.settled(on: status.training.schedule) }
    guard case .placed = options.schedule else { return path }
    path.options.schedule = .continued
    return path
  }

  /// The path with its place on a schedule.
  ///
  /// - Throws: the errors of Architectures for models that contradict themselves.
  package func settled(on schedule: LearningRateSchedule) throws -> GrowthPath {
    guard case .placed(let placement, let rewarmup) = options.schedule else { return self }
    var path = self
    path.options.schedule =
      steps.isEmpty
      ? .continued
      : try (placement ?? .usual(after: self))
        .continuation(from: source, to: target, on: schedule, rewarmup: rewarmup)
    return path
  }

  private func parametrized(as other: MaximalUpdateParametrization?) throws -> GrowthPath {
    guard let other, other != parametrization else { return self }
    if let obstacle = plans.lazy.compactMap({ $0.learningRates.obstacle(under: other) }).first {
      throw GrowthError(.invalidOptions, obstacle, subject: "learning rates")
    }
    return try GrowthPath(plans, of: source, options: options, parametrization: other)
  }
}

extension LearningRatePolicy {
  /// Why they cannot be had in a training with a parametrization; nil where they can.
  package func obstacle(under parametrization: MaximalUpdateParametrization?) -> String? {
    guard self == .smallTrajectory, parametrization != nil else { return nil }
    return
      "the training's parametrization sets them by the grown model's sizes, so that they cannot be those of "
      + "the small model's trajectory; use the target's"
  }
}

extension GrowthPlan {
  fileprivate func grown(_ status: TrainingStatus) -> TrainingStatus {
    var result = status
    result.model = target
    result.trainingLoss = nil
    result.validationLoss = nil
    result.noiseScale = nil
    result.slopeDetector = nil
    if target.contextLength != source.contextLength {
      result.cursor = status.cursor.restarted(contextLength: target.contextLength)
    }
    return result
  }
}

extension SchedulePosition {
  /// The position at 1/`ratio` of what the schedule has run so far.
  func moved(
    _ progress: TrainingProgress, by ratio: Double, rewarmup: TrainingDuration?,
    on schedule: LearningRateSchedule
  ) -> SchedulePosition {
    let scheduled = (progress + offset).divided(by: ratio)
    return SchedulePosition(
      moving: progress, to: scheduled,
      warmupEnd: schedule.warmup.isReached(by: scheduled) ? warmupEnd?.divided(by: ratio) : nil,
      rewarmup: rewarmup)
  }
}

extension TrainingProgress {
  /// Steps, tokens, operations and time divided; whole steps and tokens, rounded to nearest.
  fileprivate func divided(by ratio: Double) -> TrainingProgress {
    TrainingProgress(
      steps: Int(bounding: (Double(steps) / ratio).rounded()),
      tokens: Int(bounding: (Double(tokens) / ratio).rounded()),
      floatingPointOperations: floatingPointOperations / ratio, seconds: seconds / ratio)
  }
}
