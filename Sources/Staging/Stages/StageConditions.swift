// SPDX-License-Identifier: Apache-2.0
import Architectures
import Training

/// When one stage of a run is over, as conditions that the training loop understands.
///
/// All follow from the recipe and the state, so that a run which goes on from any checkpoint ends its
/// stages at the same steps.
struct StageConditions {
  /// When the loop stops.
  let stop: StopConditions
  /// Watches for a slope; nil where the stage waits for none.
  let monitor: SlopeMonitor?
  private let end: StageEnd?
  /// The end of the stage where it is a length; the run may end before.
  private let length: TrainingDuration?
  /// The end of the whole run, in its own steps, tokens or operations.
  let runEnd: TrainingDuration?
  /// The latest moment of the stage's end where it waits for a slope or a loss.
  let latest: TrainingDuration?

  /// The conditions of the stage that a state is in.
  init(_ staged: StagedModels, training: TrainingConfiguration, status: TrainingStatus) throws {
    let index = status.stage?.index ?? 0
    guard staged.stages.indices.contains(index) else {
      throw StagingError(
        .runUnavailable,
        "the newest checkpoint stands in stage \(index + 1), and the run has "
          + "\(staged.stages.count); its plan.json is not the one that it began with",
        subject: "stages")
    }
    end = staged.stages[index].until
    let isLast = index + 1 == staged.stages.count
    // The run's length counts on the schedule, which a growth may have moved.
    let runEnd = training.stop.after.map {
      $0.measure == .seconds ? $0 : $0.minus(status.position.offset)
    }
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
    case .slope(let threshold, let method):
      let next = isLast ? nil : staged.models[index + 1]
      monitor = try SlopeMonitor(
        threshold: threshold.value(model: status.model, next: next, method: method), method: method,
        status: status)
    case nil: break
    }
    // The last stage has no next model to be late for.
    let latest = isLast ? nil : try staged.stages[index].latest?.moment(in: training, at: status)
    stop.after = (length ?? latest).map { Self.earlier($0, runEnd) } ?? runEnd
    self.length = length
    self.latest = latest
    self.runEnd = runEnd
    self.stop = stop
    self.monitor = monitor
  }

  /// Whether the loop's end is the stage's and not the run's.
  func isStageOver(_ outcome: TrainingOutcome) -> Bool {
    guard outcome.reason != .interrupted else { return false }
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

extension TrainingDuration {
  /// The duration after some progress.
  func plus(_ progress: TrainingProgress) -> TrainingDuration {
    with(amount + progress.amount(measure))
  }

  /// The duration without some progress.
  func minus(_ progress: TrainingProgress) -> TrainingDuration {
    with(amount - progress.amount(measure))
  }

  /// A part of the duration.
  func times(_ share: Double) -> TrainingDuration { with(amount * share) }

  /// The same measure; counts are rounded up and never below zero.
  private func with(_ amount: Double) -> TrainingDuration {
    let count = Int(exactly: max(0, amount).rounded(.up)) ?? .max
    return switch self {
    case .steps: .steps(count)
    case .tokens: .tokens(count)
    case .floatingPointOperations: .floatingPointOperations(amount)
    case .seconds: .seconds(amount)
    }
  }
}
