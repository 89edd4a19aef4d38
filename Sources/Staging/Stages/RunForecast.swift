// SPDX-License-Identifier: Apache-2.0
import Architectures
import CheckedInput
import Growth
import Text
import Training

/// The course of a run of stages as far as its recipe alone fixes it: steps of full batches, and stages that
/// end after a length or at a share of the schedule.
struct RunForecast {
  /// The training right after each growth whose moment is known, in their order.
  private(set) var growths: [TrainingStatus] = []
  /// Whether the moments of all growths are known.
  private(set) var isWhole = true
  /// The training after the last of those growths, or at its beginning.
  private(set) var status: TrainingStatus
  private let training: TrainingConfiguration
  private let models: RunModels

  /// - Throws: the errors of models and growths that contradict themselves.
  init(_ models: RunModels, training: TrainingConfiguration) throws {
    (self.models, self.training) = (models, training)
    let model = models.models[0]
    status = TrainingStatus(
      model: model, training: training,
      cursor: BatchStream.Cursor(
        order: .sequential, seed: training.seed, contextLength: model.contextLength))
    status.stage = StageStatus(index: 0, start: TrainingProgress())
    for index in models.growths.indices {
      guard let moment = try moment(ofGrowth: index) else {
        isWhole = false
        return
      }
      status.progress = moment
      try grow(index)
      growths.append(status)
    }
  }

  /// The progress at which a stage ends; nil where nothing but the training tells.
  private func moment(ofGrowth index: Int) throws -> TrainingProgress? {
    let end: TrainingDuration
    switch models.stages[index].until {
    case .after(let duration): end = duration.plus(status.stage?.start ?? TrainingProgress())
    case .share(let share):
      guard let total = training.schedule.total else { return nil }
      end = total.times(share).minus(status.position.offset)
    case .slope, .loss, nil: return nil
    }
    guard let pace = try BatchPace(training.batch, of: status.model),
      let steps = pace.steps(in: end.minus(status.progress)), steps < 1e15
    else { return nil }
    return status.progress + pace.progress(ofSteps: Int(bounding: steps.rounded(.up)))
  }

  private func path(ofGrowth index: Int) throws -> GrowthPath {
    let description = models.stages[index].growth ?? GrowthDescription()
    return try models.growths[index].path(
      from: models.models[index], options: description.options(seed: training.seed)
    ).settled(for: status)
  }

  /// Whether any of the growths moves the schedule.
  private func movesSchedule() throws -> Bool {
    try models.growths.indices.contains { index in
      guard case .repositioned(let ratio, _) = try path(ofGrowth: index).options.schedule else {
        return false
      }
      return ratio != 1
    }
  }

  private mutating func grow(_ index: Int) throws {
    status = try path(ofGrowth: index).grown(status)
    status.stage = StageStatus(index: index + 1, start: status.progress)
  }

  /// The end of the run, or of its schedule where a shorter length is set for now, at a moment of it.
  private func end(at status: TrainingStatus) -> TrainingDuration? {
    (training.schedule.total ?? training.stop.after)?.minus(status.position.offset)
  }

  /// Checks that each learning rate that rises again after a growth is the schedule's before the run ends.
  ///
  /// - Throws: ``StagingError`` with the stage's key.
  func checkRises() throws {
    for (index, status) in growths.enumerated() {
      guard let rise = try training.unreachedRise(from: status, endingAt: end(at: status)) else {
        continue
      }
      throw StagingError(
        .invalidValue,
        "the learning rate would rise again after the growth at step \(status.progress.steps), "
          + "\(rise.text("the run ends")), before it is whole; give less, or 0 steps for none",
        subject: "stages[\(index)].grow.rewarmup")
    }
  }

  /// What to say of a run whose growths move its schedule back, so that it becomes longer than its recipe
  /// says; nil where none does.
  func lengthNote() throws -> String? {
    guard let length = training.stop.after, length.measure != .seconds, try movesSchedule() else {
      return nil
    }
    let end = length.minus(status.position.offset)
    let moves =
      "The schedule moves back with each growth, to where a model of the new size would stand"
    return isWhole
      ? "\(moves): the run ends after \(end), its \(length) count on the schedule"
      : "\(moves): the run becomes longer than its \(length), which count on the schedule"
  }
}

extension LearningRateSchedule {
  /// Checks a warm-up and a total of different measures, by the steps of a run's first model.
  ///
  /// - Throws: ``StagingError`` with the key of the warm-up.
  func checkWarmup(_ batch: BatchConfiguration, of model: ModelConfiguration) throws {
    guard let total, total.measure != warmup.measure,
      let pace = try BatchPace(batch, of: model), let rise = pace.steps(in: warmup),
      let length = pace.steps(in: total), rise > length
    else { return }
    throw StagingError(
      .invalidValue,
      "\(warmup) are longer than the total of \(total), \(Self.text(rise)) of full batches against "
        + "\(Self.text(length)): the rate would never come to its peak",
      subject: "schedule.warmup")
  }

  private static func text(_ steps: Double) -> String {
    "\(TrainingDuration.steps(Int(bounding: steps.rounded(.up))))"
  }
}
