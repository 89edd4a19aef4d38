// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Text
import Training

extension GrowthPlan {
  /// All of a grown state but its tensors.
  ///
  /// Losses, noise scale and slope belong to the model that was measured, so they begin anew. Step
  /// counts, data and random state go on.
  func grown(_ status: TrainingStatus, options: GrowthOptions) throws -> TrainingStatus {
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

extension TrainingStatus {
  /// The status with its place on the schedule and one more entry in its lineage.
  func started(by plans: [GrowthPlan], options: GrowthOptions) -> TrainingStatus {
    var result = self
    if case .repositioned(let ratio, let rewarmup) = options.schedule {
      result.position = position.moved(
        progress, by: ratio, rewarmup: rewarmup, on: training.schedule)
    }
    result.lineage.append(
      LineageEntry(
        operation: plans.operation, source: options.source,
        sourceHash: options.sourceHash, step: progress.steps))
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
