// SPDX-License-Identifier: Apache-2.0
import Architectures
import RunLogs
import Text

extension TrainingLoop {
  /// Tries until it succeeds or trouble stops the run; between the tries lies what the configuration
  /// says to do about it.
  func mending<Result>(_ body: () throws -> Result) throws -> Result {
    while true {
      do { return try body() } catch let trouble as Trouble { try mend(trouble) }
    }
  }

  /// Does what the configuration says about trouble.
  ///
  /// - Throws: ``TrainingError`` where that is to stop, or cannot help.
  func mend(_ trouble: Trouble) throws {
    let training = status.training
    let action = trouble.isSpike ? training.onSpike?.action : training.onNonFinite
    switch action ?? .stop {
    case .skip where trouble.isOfBatch: try skipBatch(trouble)
    case .rollback: try rollBack(trouble)
    case .stop, .skip: throw try stopped(by: trouble)
    }
  }

  /// Ends the loop with an event, and gives the error that says how to go on.
  ///
  /// - Parameter reason: why nothing else helped; nil where the configuration says to stop.
  func stopped(by trouble: Trouble, _ reason: String? = nil) throws -> TrainingError {
    isBroken = true
    try record(event: trouble.isSpike ? .lossSpike : .nonFiniteLoss, details(of: trouble))
    let good = goodCheckpoint.map { "the last good checkpoint is \($0)" }
    return TrainingError(
      trouble.isSpike ? .lossSpike : .nonFiniteLoss,
      "\(trouble.description), so nothing was updated by it and nothing is saved; "
        + (reason.map { "\($0); " } ?? "")
        + (good.map { "\($0); go on from there" }
          ?? "no checkpoint was saved before it; begin again")
        + " with a lower learning rate, "
        + "a longer warm-up or a clip, or let the recipe's onNonFinite and onSpike skip such batches or "
        + "roll back",
      subject: "step \(trouble.step)")
  }

  private func details(of trouble: Trouble) -> [String: LogValue] {
    var details: [String: LogValue] = [
      "failedStep": .integer(trouble.step), "quantity": .text(trouble.quantity.rawValue),
      "value": .text("\(trouble.value)"),
    ]
    if let limit = trouble.limit { details["limit"] = .number(limit) }
    if let parameter = trouble.parameter { details["parameter"] = .text(parameter) }
    return details
  }

  private func skipBatch(_ trouble: Trouble) throws {
    var health = status.knownHealth
    guard health.skipsInARow < TroubleAction.limit else {
      throw try stopped(
        by: trouble, "\(TroubleAction.limit) batches in a row were skipped already")
    }
    var details = details(of: trouble)
    details["number"] = .integer(health.ordinal)
    health.skipsInARow += 1
    health.skippedBatches += 1
    health.abandoned = health.abandoned + spent(onStep: trouble.step)
    status.knownHealth = health
    status.cursor = data.cursor
    prepared = nil
    try session.discardGradients()
    try recordOnce(event: .batchSkipped, details)
  }

  /// Goes back to the newest good checkpoint, but not in the data.
  ///
  /// The state that it goes back to is saved at once, with where the data stand and what happened: so
  /// a run that is killed from here on does not have to find the trouble again.
  private func rollBack(_ trouble: Trouble) throws {
    let health = status.knownHealth
    guard let storage = surroundings.storage, let step = health.goodStep else {
      throw try stopped(by: trouble, "there is no good checkpoint to go back to")
    }
    guard health.rollbacksInARow < TroubleAction.limit else {
      throw try stopped(
        by: trouble,
        "the run went back to step \(step) \(TroubleAction.limit) times already")
    }
    guard let state = try storage.restore(step: step) else {
      throw try stopped(by: trouble, "the checkpoint of step \(step) is not there any more")
    }
    guard state.status.model == status.model else {
      throw try stopped(by: trouble, "the checkpoint of step \(step) holds another model")
    }
    var details = details(of: trouble)
    details["number"] = .integer(health.ordinal)
    details["fromStep"] = .integer(status.progress.steps)
    details["lostTokens"] = .integer(status.progress.tokens - state.status.progress.tokens)
    try adopt(state, lost: spent(onStep: trouble.step) + (status.progress - state.status.progress))
    // Whichever checkpoint a killed run goes on from, the log has its steps: cut only once it is saved.
    try recordOnce(event: .rolledBack, details)
    try write(snapshot())
    try surroundings.log?.cut(keepingSteps: step)
  }

  /// Takes over an earlier state, with the data and what is known of trouble as they are now.
  private func adopt(_ state: TrainingState, lost: TrainingProgress) throws {
    var health = status.knownHealth
    health.rollbacks += 1
    health.rollbacksInARow += 1
    health.skipsInARow = 0
    health.isSaveDue = false
    health.recentLosses = state.status.health?.recentLosses ?? []
    health.abandoned = health.abandoned + lost
    var next = state.status
    next.training = status.training
    next.cursor = data.cursor
    next.evaluationCost = status.evaluationCost
    next.health = health
    status = next
    updateSeconds()
    session = try engine.makeSession(
      for: program, parameters: state.parameters, precision: status.training.precision)
    session.profiler = surroundings.profiler
    clocks = zip(program.parameters, state.parameters).map { ParameterClock(name: $0.name, $1) }
    try monitor?.restore(memory: status.slopeDetector)
    prepared = nil
    progressBefore = status.progress
    (savedStep, evaluatedStep) = (nil, nil)
  }

  /// What a step that was not taken has cost; nothing where the trouble came after it.
  private func spent(onStep step: Int) -> TrainingProgress {
    guard step > status.progress.steps, let batch = lastBatch else { return TrainingProgress() }
    var spent = progress(after: batch) - status.progress
    (spent.steps, spent.seconds) = (0, 0)
    return spent
  }

  /// Logs what happened, unless an earlier session came as far as that and no farther.
  private func recordOnce(
    event: EventRecord.Name, _ details: [String: LogValue]
  ) throws {
    let step = status.progress.steps
    let isLogged = try surroundings.log.map { log in
      try RunLogReader.records(path: log.path).contains {
        guard case .event(let other) = $0 else { return false }
        return other.event == event && other.step == step
          && other.details["number"] == details["number"]
      }
    }
    if !(isLogged ?? false) { try record(event: event, details) }
  }
}
