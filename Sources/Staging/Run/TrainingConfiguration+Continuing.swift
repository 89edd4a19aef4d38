// SPDX-License-Identifier: Apache-2.0
import Training

extension TrainingConfiguration {
  /// Checks that a checkpoint's training has something left to do in a run that goes on with it.
  ///
  /// - Throws: ``StagingError`` of code `incompatibleCheckpoint` that says what to write instead.
  func checkGoesOn(from status: TrainingStatus, name: String) throws {
    try checkLength(status.progress, name)
    try checkLoss(status, name)
    try checkRate(status, name)
    try checkRise(status, name)
    try checkParametrization(status, name)
  }

  private func checkRise(_ status: TrainingStatus, _ name: String) throws {
    guard let rise = try unreachedRise(from: status) else { return }
    throw StagingError(
      .incompatibleCheckpoint,
      "the checkpoint's learning rate rises again after its growth, \(rise.text("the run ends")), before "
        + "it is whole; train for longer, or grow with less --rewarmup",
      subject: "\(name): \(stop.after == nil ? "schedule.total" : "stop.after")")
  }

  /// Rates and ε of every parameter would change from one step to the next.
  private func checkParametrization(_ status: TrainingStatus, _ name: String) throws {
    func text(_ configuration: TrainingConfiguration) -> String {
      configuration.parametrization?.recipeText ?? "standard"
    }
    guard status.training.parametrization != parametrization else { return }
    throw StagingError(
      .incompatibleCheckpoint,
      "the checkpoint's is \(text(status.training)), the recipe's \(text(self)), and no training "
        + "changes it midway. Write parametrization: "
        + "\(text(status.training)), or begin with the weights alone (--from)",
      subject: "\(name): parametrization")
  }

  private func checkLength(_ progress: TrainingProgress, _ name: String) throws {
    guard let after = stop.after, after.isReached(by: progress) else { return }
    let done = after.reached(by: progress)
    throw StagingError(
      .incompatibleCheckpoint,
      "the checkpoint has trained for \(done), and the run would be over after \(after), which count "
        + "from the first step of all: nothing would be trained. Write stop: {further: \(after)} to "
        + "train that much more, or stop: {after: \(after.plus(progress))}",
      subject: "\(name): stop.after")
  }

  private func checkLoss(_ status: TrainingStatus, _ name: String) throws {
    let measured = stop.lossKind == .training ? status.trainingLoss : status.validationLoss
    guard let loss = stop.loss, let measured, measured <= loss else { return }
    throw StagingError(
      .incompatibleCheckpoint,
      "the checkpoint's last \(stop.lossKind.rawValue) loss is \(measured), so that the run would be "
        + "over at once; write a lower loss than \(loss), or stop: {further: …}",
      subject: "\(name): stop.loss")
  }

  /// A schedule that has fallen to nothing changes no weight.
  private func checkRate(_ status: TrainingStatus, _ name: String) throws {
    let scheduled = status.progress + status.position.offset
    guard let total = schedule.total, schedule.floor == 0, total.isReached(by: scheduled) else {
      return
    }
    throw StagingError(
      .incompatibleCheckpoint,
      "the checkpoint stands at \(total.reached(by: scheduled)) of its schedule, whose total is "
        + "\(total): the learning rate would be 0 all the time. Write a total of more than that, or "
        + "give schedule.floor",
      subject: "\(name): schedule.total")
  }
}

extension TrainingRun {
  /// Checks that a change of this session leaves the run something to do.
  func checkGoesOn(_ status: TrainingStatus) throws {
    guard let change, let after = recipe.training.runEnd(at: status),
      after.isReached(by: status.progress)
    else { return }
    throw StagingError(
      .invalidOverride,
      "the run has trained for \(after.reached(by: status.progress)) already, and would be over after "
        + "\(after): nothing would be trained. Set stop.after to more than that",
      subject: "--set \(change)")
  }
}

extension TrainingDuration {
  /// How far a progress has come, in this duration's measure.
  func reached(by progress: TrainingProgress) -> TrainingDuration {
    switch self {
    case .steps: .steps(progress.steps)
    case .tokens: .tokens(progress.tokens)
    case .floatingPointOperations: .floatingPointOperations(progress.floatingPointOperations)
    case .seconds: .seconds(progress.seconds)
    }
  }
}
