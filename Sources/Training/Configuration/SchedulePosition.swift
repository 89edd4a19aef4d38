// SPDX-License-Identifier: Apache-2.0

/// Where on its learning-rate schedule a run stands: what the schedule alone cannot say.
///
/// Growth moves a run to another place of the (target's) schedule with ``offset`` and lets the rate
/// rise again from zero with ``rewarmup``.
public struct SchedulePosition: Sendable, Hashable, Codable {
  /// A rise of the rate from zero to the schedule's, in the middle of a schedule.
  public struct Rewarmup: Sendable, Hashable, Codable {
    /// The run's progress when it began.
    public var start: TrainingProgress
    /// How long it lasts.
    public var duration: TrainingDuration

    /// Makes a rise that begins at `start`.
    public init(start: TrainingProgress, duration: TrainingDuration) {
      self.start = start
      self.duration = duration
    }
  }

  /// Progress on the schedule minus progress of the run; zero where both began together.
  public var offset: TrainingProgress
  /// Progress on the schedule after the step that completed the warm-up; nil before.
  public var warmupEnd: TrainingProgress?
  /// The last rise after the schedule's own warm-up; nil where there was none.
  public var rewarmup: Rewarmup?

  /// Makes a position; by default run and schedule begin together.
  public init(
    offset: TrainingProgress = TrainingProgress(), warmupEnd: TrainingProgress? = nil,
    rewarmup: Rewarmup? = nil
  ) {
    self.offset = offset
    self.warmupEnd = warmupEnd
    self.rewarmup = rewarmup
  }

  /// The position of a run that has come to `run` and shall go on as if the schedule stood at
  /// `scheduled`.
  ///
  /// - Parameters:
  ///   - warmupEnd: where the schedule's warm-up ended; needed only where its measure is not the
  ///     total's and `scheduled` lies after it.
  ///   - rewarmup: how long the rate rises from zero to the schedule's; nil for at once.
  public init(
    moving run: TrainingProgress, to scheduled: TrainingProgress,
    warmupEnd: TrainingProgress? = nil, rewarmup: TrainingDuration? = nil
  ) {
    self.init(
      offset: scheduled - run, warmupEnd: warmupEnd,
      rewarmup: rewarmup.map { Rewarmup(start: run, duration: $0) })
  }

  /// The factor on the schedule's rate for the step after which the run has come to `progress`.
  func rewarmupFactor(at progress: TrainingProgress) -> Double {
    guard let rewarmup, rewarmup.duration.amount > 0 else { return 1 }
    let measure = rewarmup.duration.measure
    let done = progress.amount(measure) - rewarmup.start.amount(measure)
    return min(1, max(0, done / rewarmup.duration.amount))
  }

  /// Notes that the run has come to `progress`; call it after every step.
  public mutating func advance(to progress: TrainingProgress, on schedule: LearningRateSchedule) {
    let scheduled = progress + offset
    if warmupEnd == nil, schedule.warmup.isReached(by: scheduled) { warmupEnd = scheduled }
  }
}
