// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import RunLogs
import Tensors
import Text
import Training

/// What one growth of a staged run did.
public struct StageGrowth: Sendable, Hashable, Codable {
  /// The stage that begins with it, from 1.
  public var stage: Int
  /// What was done.
  public var operation: String
  /// The model before.
  public var source: ModelConfiguration
  /// The model after.
  public var target: ModelConfiguration
  /// What the growth promises.
  public var guarantees: [Guarantee]
  /// Loss on held-out batches before, in nats per token, in float32.
  public var lossBefore: Double
  /// Loss on the same batches after.
  public var lossAfter: Double
  /// ρ, by which the schedule was moved back; nil where it goes on from where it stood.
  public var scheduleRatio: Double?
  /// The factor on the learning rate of new entries; nil for none.
  public var newEntryRate: NewEntries.Rate?
}

/// Grows a run's state to the next stage, and proves that the loss is what it was.
struct StageGrower {
  let models: RunModels
  let training: TrainingConfiguration
  let engine: any TrainingEngine
  /// Batches that nobody trains on.
  let batches: [TokenBatch]

  /// The grown state with its record, and the receipt that makes its tensors again.
  ///
  /// - Parameter source: what the lineage says of the small model's checkpoint.
  /// - Throws: ``StagingError`` of code `brokenGuarantee` where the loss changed and should not have.
  func grown(
    _ state: TrainingState, source: (path: String, hash: String?)
  ) throws -> (state: TrainingState, record: StageGrowth, receipt: GrowthReceipt) {
    let index = state.status.stage?.index ?? 0
    let path = try path(of: state.status, source: source)
    let next = models.models[index + 1]
    var grown = try path.grown(state)
    grown.status.stage = StageStatus(index: index + 1, start: grown.status.progress)
    var ratio: Double?
    if case .repositioned(let value, _) = path.options.schedule, value != 1 { ratio = value }
    let record = StageGrowth(
      stage: index + 1, operation: path.operation,
      source: state.status.model, target: next,
      guarantees: path.guarantees(of: state.status).inOrder,
      lossBefore: try loss(of: state),
      lossAfter: try loss(of: grown), scheduleRatio: ratio, newEntryRate: path.options.newEntryRate)
    try record.checkLoss()
    return (grown, record, GrowthReceipt(path, of: state.status))
  }

  private func path(
    of status: TrainingStatus, source: (path: String, hash: String?)?
  ) throws -> GrowthPath {
    let index = status.stage?.index ?? 0
    let description = models.stages[index].growth ?? GrowthDescription()
    var options = description.options(seed: training.seed &+ UInt64(index) &+ 1)
    if let source { (options.source, options.sourceHash) = source }
    return try models.growths[index].path(from: status.model, options: options)
      .settled(for: status)
  }

  /// What the growth and the first step after it will take of the engine, as far as the state of the small
  /// model tells before its stage is over.
  func preparation(from state: TrainingState) throws -> TrainingPreparation {
    let ahead = try state.withClocksOfNextStep()
    var grown = try path(of: ahead.status, source: nil).grown(ahead)
    grown.status.training = training
    return try TrainingPreparation(
      nextStepOf: grown,
      scoring: batches.map {
        .init(sequenceCount: $0.sequenceCount, sequenceLength: $0.sequenceLength)
      })
  }

  /// In float32, whatever the run's precision, so that rounding hides nothing.
  private func loss(of state: TrainingState) throws -> Double {
    let session = try engine.makeSession(
      for: state.status.model.program(), parameters: state.parameters, precision: .fp32)
    return try batches.reduce(LossSum(total: 0, targetCount: 0)) { $0 + (try session.loss(of: $1)) }
      .mean
  }
}

extension StageGrowth {
  fileprivate func checkLoss() throws {
    guard lossBefore.isFinite, lossAfter.isFinite else {
      throw StagingError(
        .brokenGuarantee,
        "\(operation): the loss was \(lossBefore) nats per token before and is \(lossAfter) after it; a "
          + "model whose loss is no number cannot be grown. The run is as it was before the growth: go "
          + "back to a checkpoint whose losses are finite", subject: "stages[\(stage - 1)].grow")
    }
    guard guarantees.contains(.loss) else { return }
    guard GuaranteeTolerances.lossInRun.admits(lossError) else {
      throw StagingError(
        .brokenGuarantee,
        "\(operation) should keep the loss, but it went from \(lossBefore) to \(lossAfter) nats per "
          + "token; the run is as it was before the growth. Choose another operator, and report this "
          + "as a defect",
        subject: "stages[\(stage - 1)].grow")
    }
  }

  /// How far the losses are apart, relative to the one before.
  private var lossError: Double {
    lossAfter == lossBefore ? 0 : abs(lossAfter - lossBefore) / abs(lossBefore)
  }

  /// The log's record of the proof; nil where nothing was promised.
  func proof(at progress: TrainingProgress) -> EventRecord? {
    guard guarantees.contains(.loss) else { return nil }
    return EventRecord(
      event: .verified, step: progress.steps, tokens: progress.tokens,
      flops: progress.floatingPointOperations, seconds: progress.seconds,
      details: [
        "guarantee": .text(Guarantee.loss.rawValue),
        "measured": .number(lossError),
        "allowed": .number(GuaranteeTolerances.lossInRun.value), "holds": .flag(true),
      ])
  }

  /// The log's record of the growth.
  func event(at progress: TrainingProgress) -> EventRecord {
    var details: [String: LogValue] = [
      "stage": .integer(stage), "operation": .text(operation), "source": .text(source.sizes),
      "target": .text(target.sizes), "lossBefore": .number(lossBefore),
      "lossAfter": .number(lossAfter), "label": .text(operation),
      "guarantees": .text(guarantees.map(\.rawValue).joined(separator: ", ")),
    ]
    // Whoever promised nothing broke nothing; a broken promise never comes as far as the log.
    if guarantees.contains(.loss) { details["holds"] = .flag(true) }
    if let scheduleRatio { details["scheduleRatio"] = .number(scheduleRatio) }
    if let newEntryRate {
      details["newRate"] = .number(newEntryRate.factor)
      details["newRateSteps"] = .integer(newEntryRate.steps)
    }
    return EventRecord(
      event: .grown, step: progress.steps, tokens: progress.tokens,
      flops: progress.floatingPointOperations, seconds: progress.seconds, details: details)
  }
}
