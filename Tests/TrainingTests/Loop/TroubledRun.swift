// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Synchronization
import Text
import Training

/// A run of the quadratic with a log and checkpoints, which can be killed at any micro-batch and go on.
final class TroubledRun {
  /// Thrown by the engine where the process would die.
  struct Killed: Error {}

  private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increase() { count.withLock { $0 += 1 } }
  }

  let training: TrainingConfiguration
  let disturbs: @Sendable (Int) -> QuadraticEngine.Disturbance?
  private(set) var checkpoints: [Int: TrainingState] = [:]
  /// Every step at which a checkpoint was saved, in order.
  private(set) var saved: [Int] = []
  private var hasGoneBack = false
  private let log: String
  private let folder: URL

  init(
    _ training: TrainingConfiguration,
    disturbs: @escaping @Sendable (Int) -> QuadraticEngine.Disturbance? = { _ in nil }
  ) throws {
    self.training = training
    self.disturbs = disturbs
    folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    log = folder.appending(path: "log.jsonl").path
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Trains from the newest checkpoint.
  ///
  /// - Parameters:
  ///   - batches: micro-batches after which the process dies; nil for never.
  ///   - steps: steps after which the user interrupts.
  ///   - parts: micro-batches after which the user interrupts.
  @discardableResult
  func train(
    killedAfter batches: Int? = nil, interruptedAfter steps: Int? = nil,
    inMicroBatch parts: Int? = nil
  ) throws -> (outcome: TrainingOutcome, state: TrainingState) {
    let start = try checkpoints.max { $0.key < $1.key }?.value ?? Quadratic.state(training)
    let (batchCount, stepCount) = (Counter(), Counter())
    var engine = QuadraticEngine()
    engine.disturbs = disturbs
    engine.kills = {
      batchCount.increase()
      return batchCount.value > batches ?? .max
    }
    var surroundings = Quadratic.surroundings()
    surroundings.validation = try InMemoryTokens(
      (0...320).map { Int32($0 * $0 % 11) }, vocabularySize: 11)
    surroundings.log = try RunLogWriter(path: log, keepingSteps: start.status.progress.steps)
    surroundings.observer.hear = { if case .step = $0 { stepCount.increase() } }
    surroundings.observer.isInterrupted = {
      stepCount.value >= steps ?? .max || batchCount.value >= parts ?? .max
    }
    surroundings.storage = TestStorage(
      saving: { [self] in save($0) },
      restoring: { [self] step in
        hasGoneBack = true
        guard let state = checkpoints[step] else { throw Killed() }
        return state
      })
    let loop = try TrainingLoop(
      state: start, engine: engine, data: FormulaSource(cursor: start.status.cursor),
      surroundings: surroundings)
    return (try loop.run(), try loop.snapshot())
  }

  private func save(_ state: TrainingState) -> String {
    let step = state.status.progress.steps
    checkpoints[step] = state
    saved.append(step)
    if hasGoneBack { checkpoints = checkpoints.filter { $0.key <= step } }
    hasGoneBack = false
    return "checkpoint-\(step)"
  }

  func records() throws -> [RunRecord] { try RunLogReader.records(path: log) }

  func steps() throws -> [StepRecord] {
    try records().compactMap { if case .step(let record) = $0 { record } else { nil } }
  }

  func evaluations() throws -> [EvaluationRecord] {
    try records().compactMap { if case .evaluation(let record) = $0 { record } else { nil } }
  }

  /// What was out of order, without the time.
  func troubles() throws -> [EventRecord] {
    try records().compactMap {
      if case .event(let event) = $0, event.isTrouble { event } else { nil }
    }
  }
}
