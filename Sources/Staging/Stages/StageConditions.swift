// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// When one stage of a run is over, as conditions that the training loop understands; a run of one model
/// has one stage.
///
/// All follow from the recipe and the state, so that a run which goes on from any checkpoint ends its
/// stages at the same steps.
struct StageConditions {
  /// When the loop stops.
  let stop: StopConditions
  /// Watches for a slope; nil where the stage waits for none.
  let monitor: SlopeMonitor?
  /// The stage, from 1.
  let number: Int
  /// Whether no other follows.
  let isLast: Bool
  private let end: StageEnd?
  /// The end of the stage where it is a length; the run may end before.
  private let length: TrainingDuration?
  /// The end of the whole run, in its own steps, tokens or operations.
  let runEnd: TrainingDuration?
  /// The latest moment of the stage's end where it waits for a slope or a loss.
  let latest: TrainingDuration?

  /// The conditions of the stage that a state is in.
  init(_ models: RunModels, training: TrainingConfiguration, status: TrainingStatus) throws {
    let index = status.stage?.index ?? 0
    guard models.stages.indices.contains(index) else {
      throw StagingError(
        .runUnavailable,
        "the newest checkpoint stands in stage \(index + 1), and the run has "
          + "\(models.stages.count); its plan.json is not the one that it began with",
        subject: "stages")
    }
    number = index + 1
    end = models.stages[index].until
    let isLast = number == models.stages.count
    self.isLast = isLast
    let runEnd = training.runEnd(at: status)
    var stop = StopConditions(after: runEnd)
    if isLast {
      stop.loss = training.stop.loss
      stop.lossKind = training.stop.lossKind
    }
    var monitor: SlopeMonitor?
    var length: TrainingDuration?
    switch end {
    case .after(let duration):
      length = duration.plus(status.stage?.start ?? TrainingProgress())
    case .share(let share):
      guard let total = training.schedule.total else {
        throw StagingError(
          .missingKey, "a share needs the schedule's length; give 'total', or 'after' a duration",
          subject: "schedule.total")
      }
      length = total.times(share).minus(status.position.offset)
    case .loss(let loss):
      stop.loss = max(loss, stop.lossKind == .validation ? stop.loss ?? 0 : 0)
      stop.lossKind = .validation
    case .slope:
      monitor = try models.slope(ofStage: index).map {
        try SlopeMonitor(threshold: $0.threshold, method: $0.method, status: status)
      }
    case nil: break
    }
    // The last stage has no next model to be late for.
    let latest = isLast ? nil : try models.stages[index].latest?.moment(in: training, at: status)
    stop.after = (length ?? latest).map { Self.earlier($0, runEnd) } ?? runEnd
    self.length = length
    self.latest = latest
    self.runEnd = runEnd
    self.stop = stop
    self.monitor = monitor
  }

  /// Whether the loop's end is the stage's and not the run's, so that the next one begins.
  func isFollowed(after outcome: TrainingOutcome) -> Bool {
    guard !isLast, outcome.reason != .interrupted else { return false }
    return switch end {
    case .slope: outcome.reason == .reachedMoment || isLate(outcome)
    case .loss: outcome.reason == .reachedLoss || isLate(outcome)
    case .after, .share: length?.isReached(by: outcome.progress) ?? false
    case nil: false
    }
  }

  /// Whether the stage's latest moment came before what it waited for.
  func isLate(_ outcome: TrainingOutcome) -> Bool {
    outcome.reason == .finished && latest?.isReached(by: outcome.progress) ?? false
  }

  private static func earlier(
    _ duration: TrainingDuration, _ limit: TrainingDuration?
  ) -> TrainingDuration {
    guard let limit, limit.measure == duration.measure, limit.amount < duration.amount else {
      return duration
    }
    return limit
  }
}

extension TrainingConfiguration {
  /// The end of the run; nil where only a loss ends it.
  ///
  /// The length of a run of stages counts on the schedule, which a growth may have moved.
  func runEnd(at status: TrainingStatus) -> TrainingDuration? {
    stop.after.map {
      status.stage == nil || $0.measure == .seconds ? $0 : $0.minus(status.position.offset)
    }
  }
}
