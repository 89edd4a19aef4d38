// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Testing
import Text
import Training

@Suite("TrainingLoop.run") struct TrainingLoopRunTests {
  /// What a run left behind.
  private final class Traces {
    var records: [RunRecord] = []
    var saved: [TrainingState] = []

    var events: [EventRecord] {
      records.compactMap { if case .event(let record) = $0 { record } else { nil } }
    }
    var evaluations: [EvaluationRecord] {
      records.compactMap { if case .evaluation(let record) = $0 { record } else { nil } }
    }
    var stepCount: Int { records.count - events.count - evaluations.count }
    /// The order of things, such as "step 3", "evaluation 3", "checkpoint 3".
    var order: [String] {
      records.map {
        switch $0 {
        case .step(let record): "step \(record.step)"
        case .evaluation(let record): "evaluation \(record.step)"
        case .event(let record): "\(record.event.rawValue) \(record.step)"
        }
      }
    }
  }

  private func makeLoop(
    _ training: TrainingConfiguration, engine: QuadraticEngine = QuadraticEngine(),
    state: TrainingState? = nil, traces: Traces,
    change: (inout TrainingLoop.Surroundings) -> Void = { _ in }
  ) throws -> TrainingLoop {
    var surroundings = Quadratic.surroundings()
    surroundings.validation = try InMemoryTokens(
      (0...192).map { Int32($0 * $0 % 11) }, vocabularySize: 11)
    surroundings.observer.hear = { traces.records.append($0) }
    surroundings.storage = TestStorage { state in
      traces.saved.append(state)
      return "checkpoint-\(state.status.progress.steps)"
    }
    change(&surroundings)
    let start = try state ?? Quadratic.state(training)
    return try TrainingLoop(
      state: start, engine: engine, data: FormulaSource(cursor: start.status.cursor),
      surroundings: surroundings)
  }

  @Test("records come in order: step, evaluation, checkpoint") func order() throws {
    let traces = Traces()
    var training = Quadratic.training(stop: StopConditions(after: .steps(5)))
    training.evaluation = EvaluationConfiguration(every: .steps(2), batches: 3)
    training.checkpoint = CheckpointConfiguration(every: .tokens(256))
    let outcome = try makeLoop(training, traces: traces).run()
    #expect(
      traces.order == [
        "started 0", "step 1", "step 2", "evaluation 2", "step 3", "step 4", "evaluation 4",
        "checkpoint 4", "step 5", "evaluation 5", "checkpoint 5", "finished 5",
      ])
    #expect(outcome.reason == .finished)
    #expect(outcome.checkpoint == "checkpoint-5")
    #expect(outcome.validationLoss == traces.evaluations.last?.validationLoss)
    #expect(traces.saved.map(\.status.progress.steps) == [4, 5])
    let end = try #require(traces.events.last)
    #expect(end.details["checkpoint"] == "checkpoint-5")
    let cost = try #require(traces.saved.last?.status.evaluationCost)
    #expect(cost.floatingPointOperations > 0)
    #expect(end.evaluationFlops == cost.floatingPointOperations)
    #expect(end.evaluationSeconds == cost.seconds)
  }

  @Test("the validation loss is the mean over the same batches every time") func validation() throws
  {
    let traces = Traces()
    var training = Quadratic.training(stop: StopConditions(after: .steps(1)))
    training.evaluation = EvaluationConfiguration(every: .steps(1), batches: 3)
    let loop = try makeLoop(training, traces: traces)
    let first = try #require(try loop.evaluate())
    #expect(try loop.evaluate() == first)
    #expect(first.targets == 3 * 4 * 16)
    let state = try Quadratic.state(training)
    var expected = 0.0
    for index in 1...192 {
      for (parameter, value) in state.parameters.enumerated() {
        for (element, start) in value.value.floats.enumerated() {
          let pull = QuadraticEngine.pull(Int32(index * index % 11), parameter, element)
          expected += 0.5 * (Double(start) - pull) * (Double(start) - pull)
        }
      }
    }
    #expect(abs(first.validationLoss - expected / 192) < 1e-9)
  }

  private static let durations: [(TrainingDuration, Int)] = [
    (TrainingDuration.steps(3), 3), (.tokens(3 * 64), 3), (.tokens(3 * 64 + 1), 4),
    (.floatingPointOperations(5 * 64 * Quadratic.operationsPerToken), 5), (.seconds(6.5), 7),
    (.steps(0), 0),
  ]

  @Test("stops as soon as the duration is reached, in any measure", arguments: durations)
  func stops(_ after: TrainingDuration, _ expected: Int) throws {
    let traces = Traces()
    let training = Quadratic.training(stop: StopConditions(after: after))
    let loop = try makeLoop(training, traces: traces) { surroundings in
      // One second a step.
      surroundings.clock = { Double(traces.records.filter { $0.step > 0 }.count + 1) }
    }
    let outcome = try loop.run()
    #expect(outcome.progress.steps == expected)
    #expect(traces.stepCount == expected)
    #expect(traces.saved.count == (expected > 0 ? 1 : 0))
  }

  @Test("stops at a loss", arguments: StopConditions.LossKind.allCases)
  func stopsAtLoss(_ kind: StopConditions.LossKind) throws {
    let reference = Traces()
    var training = Quadratic.training(stop: StopConditions(after: .steps(30)))
    training.evaluation = EvaluationConfiguration(every: .steps(2), batches: 1)
    _ = try makeLoop(training, traces: reference).run()
    let losses: [(step: Int, loss: Double)] = reference.records.compactMap {
      switch ($0, kind) {
      case (.step(let record), .training): (record.step, record.loss)
      case (.evaluation(let record), .validation): (record.step, record.validationLoss)
      default: nil
      }
    }
    let goal = losses[9].loss
    let expected = try #require(losses.first { $0.loss <= goal })

    let traces = Traces()
    training.stop = StopConditions(after: .steps(30), loss: goal, lossKind: kind)
    let outcome = try makeLoop(training, traces: traces).run()
    #expect(outcome.reason == .reachedLoss)
    #expect(outcome.progress.steps == expected.step)
    #expect(traces.order.last == "stopped \(expected.step)")
    let saved = try #require(traces.saved.last)
    let again = Traces()
    #expect(try makeLoop(training, state: saved, traces: again).run().reason == .reachedLoss)
    #expect(again.stepCount == 0)
  }

  @Test("an interruption finishes the step, saves and says so") func interruption() throws {
    let traces = Traces()
    let training = Quadratic.training(stop: StopConditions(after: .steps(9)))
    let loop = try makeLoop(training, traces: traces) { surroundings in
      surroundings.observer.isInterrupted = { traces.records.contains { $0.step == 4 } }
    }
    let outcome = try loop.run()
    #expect(outcome.reason == .interrupted)
    #expect(traces.order.suffix(3) == ["step 4", "checkpoint 4", "interrupted 4"])
    let state = try #require(traces.saved.first)
    let rest = Traces()
    let resumed = try makeLoop(training, state: state, traces: rest) {
      $0.resumedFrom = "checkpoint-4"
    }
    #expect(try resumed.run().reason == .finished)
    #expect(rest.order.prefix(2) == ["resumed 4", "step 5"])
    #expect(rest.events.first?.details["checkpoint"] == "checkpoint-4")
    #expect(rest.events.first?.engine == QuadraticEngine().identity)
  }

  @Test(
    "a loss or gradient that is not finite stops before it does harm",
    arguments: [
      QuadraticEngine(lossFailsAt: 4), QuadraticEngine(gradientFailsAt: 4),
    ])
  func notFinite(_ engine: QuadraticEngine) throws {
    let traces = Traces()
    var training = Quadratic.training(stop: StopConditions(after: .steps(9)))
    training.checkpoint = CheckpointConfiguration(every: .steps(3))
    let loop = try makeLoop(training, engine: engine, traces: traces)
    let error = #expect(throws: TrainingError.self) { try loop.run() }
    #expect(error?.code == .nonFiniteLoss)
    #expect(error?.subject == "step 5")
    #expect(error?.message.contains("'checkpoint-3'") ?? false)
    #expect(traces.order.suffix(2) == ["step 4", "nonFiniteLoss 4"])
    #expect(traces.saved.map(\.status.progress.steps) == [3])
    #expect(throws: TrainingError.self) { try loop.takeStep() }

    let good = try makeLoop(
      Quadratic.training(stop: StopConditions(after: .steps(4))), traces: Traces())
    _ = try good.run()
    let (mine, expected) = (try loop.snapshot(), try good.snapshot())
    #expect(mine.status.progress == expected.status.progress)
    #expect(mine.status.cursor == expected.status.cursor)
    for (one, other) in zip(mine.parameters, expected.parameters) {
      #expect(one.value.floats == other.value.floats)
      #expect(one.firstMoment?.floats == other.firstMoment?.floats)
      #expect(one.stepCount == other.stepCount)
    }
  }

  @Test("text without targets is an error, not a NaN") func empty() throws {
    let training = Quadratic.training(stop: StopConditions(after: .steps(1)))
    let loop = try TrainingLoop(
      state: Quadratic.state(training), engine: QuadraticEngine(),
      data: FormulaSource { _, _ in -1 }, surroundings: Quadratic.surroundings())
    let error = #expect(throws: TrainingError.self) { try loop.run() }
    #expect(error?.code == .emptyBatch)
  }

  @Test("a state that does not fit its model is refused by name") func invalidState() throws {
    let training = Quadratic.training(stop: StopConditions(after: .steps(1)))
    var state = try Quadratic.state(training)
    state.parameters[2].secondMoment = state.parameters[0].value
    let error = #expect(throws: TrainingError.self) { try state.validate() }
    #expect(error?.subject == "transformer.h.0.ln_1.weight")
    state.parameters.removeLast()
    #expect(throws: TrainingError.self) { try state.validate() }
  }

  @Test("an interrupted and resumed run leaves the log of an unbroken one") func logs() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func steps(_ path: String) throws -> [RunRecord] {
      try RunLogReader.records(path: path, damagedEnd: .fail).filter {
        if case .step = $0 { true } else { false }
      }
    }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    var training = Quadratic.training(stop: StopConditions(after: .steps(9)))
    training.checkpoint = CheckpointConfiguration(every: .steps(4))
    _ = try makeLoop(training, traces: Traces()) {
      $0.log = try? RunLogWriter(path: path("whole"))
    }.run()

    // The process dies after step 6, the last checkpoint being that of step 4.
    let traces = Traces()
    let first = try makeLoop(training, traces: traces) {
      $0.log = try? RunLogWriter(path: path("parts"))
    }
    for step in 1...6 {
      try first.takeStep()
      if step == 4 { try first.saveCheckpoint() }
    }
    let state = try #require(traces.saved.first)
    _ = try makeLoop(training, state: state, traces: Traces()) {
      $0.log = try? RunLogWriter(path: path("parts"), keepingSteps: 4)
    }.run()
    #expect(try steps(path("parts")) == steps(path("whole")))
    #expect(try steps(path("whole")).count == 9)
  }
}
