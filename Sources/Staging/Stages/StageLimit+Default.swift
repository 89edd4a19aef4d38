// SPDX-License-Identifier: Apache-2.0
import Training

extension StageLimit {
  /// The share of a run after which no growth should begin where the recipe does not say: a grown
  /// model needs some of the run, and of a high learning rate, to make up for what it cost.
  static let latestShare = 0.6

  /// The moment, as progress of the run; nil where it never comes.
  ///
  /// - Throws: ``StagingError`` for a share of a run whose length is not known.
  func moment(in training: TrainingConfiguration, at status: TrainingStatus) throws
    -> TrainingDuration?
  {
    switch self {
    case .never: return nil
    case .after(let duration): return duration.plus(status.stage?.start ?? TrainingProgress())
    case .share(let share):
      guard let length = training.lengthOfShares else {
        throw StagingError(
          .missingKey, "a share needs the run's length; give schedule.total, or a duration",
          subject: "stages: until.atLatest")
      }
      return length.times(share).minus(status.position.offset)
    }
  }
}

extension TrainingConfiguration {
  /// What a share of the run is a share of: the schedule, or the run where the rate has no end; nil
  /// where neither has a length in steps, tokens or operations.
  var lengthOfShares: TrainingDuration? {
    if let total = schedule.total { return total }
    return stop.after.flatMap { $0.measure == .seconds ? nil : $0 }
  }
}

extension [StageRecipe] {
  /// The stages, each that waits for a slope with a latest moment: of the growths of a run the last at
  /// ``StageLimit/latestShare``, or where the learning rate begins to decay if that is earlier, the
  /// others evenly before it.
  func withLatestMoments(_ training: TrainingConfiguration) -> [StageRecipe] {
    guard training.lengthOfShares != nil else { return self }
    let share = Swift.min(StageLimit.latestShare, training.stableShare ?? 1)
    return enumerated().map { index, stage in
      guard case .slope? = stage.until, stage.latest == nil, index + 1 < count, share > 0 else {
        return stage
      }
      var stage = stage
      stage.latest = .share(share * Double(index + 1) / Double(count - 1))
      return stage
    }
  }
}

extension TrainingConfiguration {
  /// The share of a WSD schedule that comes before its decay; nil for other schedules.
  var stableShare: Double? {
    guard schedule.kind == .wsd, let total = schedule.total else { return nil }
    return switch schedule.decay {
    case .share(let share): 1 - share
    case .duration(let duration): 1 - duration.amount / total.amount
    }
  }
}
