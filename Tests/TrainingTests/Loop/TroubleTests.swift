// SPDX-License-Identifier: Apache-2.0
import RunLogs
import Testing
import Text
import Training

@Suite("Trouble in training") struct TroubleTests {
  private static func training(
    steps: Int = 14, _ change: (inout TrainingConfiguration) -> Void
  ) -> TrainingConfiguration {
    var training = Quadratic.training(stop: StopConditions(after: .steps(steps)))
    training.checkpoint = CheckpointConfiguration(every: .steps(3))
    training.evaluation = EvaluationConfiguration(every: .steps(4), batches: 2)
    change(&training)
    return training
  }

  private static func expectEqual(_ one: TrainingState, _ other: TrainingState) {
    #expect(one.parameters.map(\.value.floats) == other.parameters.map(\.value.floats))
    #expect(
      one.parameters.map { $0.secondMoment?.floats }
        == other.parameters.map { $0.secondMoment?.floats })
    #expect(one.status == other.status)
  }

  // MARK: Good checkpoints

  @Test("weights that the next step cannot use are never saved, nor do they push good ones out")
  func neverSavesBadWeights() throws {
    // The update of step 6 leaves an infinite weight, just when a checkpoint is due.
    let run = try TroubledRun(Self.training { _ in }) { $0 == 20 ? .weight : nil }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.code == .nonFiniteLoss && error?.subject == "step 7")
    #expect(error?.message.contains("the last good checkpoint is 'checkpoint-3'") ?? false)
    #expect(run.saved == [3])
    #expect(run.checkpoints[3]?.status.health?.goodStep == 3)
  }

  @Test("the end of a run is proven as well") func end() throws {
    let run = try TroubledRun(Self.training(steps: 5) { $0.evaluation = nil }) {
      $0 == 16 ? .weight : nil
    }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.subject == "step 6")
    #expect(run.saved == [3])
  }

  @Test("a moment that is not finite is found where no loss shows it") func moment() throws {
    let run = try TroubledRun(Self.training { _ in }) { $0 == 20 ? .moment : nil }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.code == .nonFiniteLoss && error?.subject == "step 6")
    #expect(error?.message.contains("weights of transformer.wte.weight hold inf") ?? false)
    #expect(run.saved == [3])
  }

  @Test("a finite loss with an infinite gradient saves nothing either") func gradient() throws {
    let run = try TroubledRun(Self.training { _ in }) { $0 == 24 ? .gradient : nil }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.message.contains("gradient norm is inf") ?? false)
    #expect(run.saved == [3])
  }

  // MARK: Skipping

  @Test(
    "a skipped batch changes nothing: the run is one without it",
    arguments: [QuadraticEngine.Disturbance.loss(.nan), .loss(.infinity), .gradient])
  func skips(_ disturbance: QuadraticEngine.Disturbance) throws {
    let training = Self.training { $0.onNonFinite = .skip }
    let run = try TroubledRun(training) { [20, 24, 40].contains($0) ? disturbance : nil }
    let (outcome, state) = try run.train()
    #expect(outcome.progress.steps == 14)
    #expect(state.status.health?.skippedBatches == 3)
    #expect(state.status.health?.skipsInARow == 0)
    #expect(state.status.health?.abandoned.tokens == 3 * 64)
    // Batches of four sequences; the three are left out of 17.
    #expect(state.status.cursor.position == 17 * 4)

    let kept = Array(0..<17).filter { ![5, 6, 10].contains($0) }
    let source = FormulaSource { sequence, position in
      sequence / 4 < kept.count
        ? FormulaSource.golden(sequence: kept[sequence / 4] * 4 + sequence % 4, position: position)
        : 0
    }
    let loop = try TrainingLoop(
      state: Quadratic.state(training), engine: QuadraticEngine(), data: source,
      surroundings: Quadratic.surroundings())
    var losses: [Double] = []
    while losses.count < 14 { losses.append(try loop.takeStep().loss) }
    #expect(try run.steps().map(\.loss) == losses)
    #expect(
      try loop.snapshot().parameters.map(\.value.floats) == state.parameters.map(\.value.floats))
    let events = try run.troubles()
    #expect(events.map(\.event) == [.batchSkipped, .batchSkipped, .batchSkipped])
    #expect(events.map(\.step) == [5, 5, 8])
    #expect(events.first?.details["failedStep"] == 6)
  }

  @Test("skipping ends where every batch is out of order") func skipLimit() throws {
    let run = try TroubledRun(Self.training { $0.onNonFinite = .skip }) {
      $0 >= 20 ? .loss(.nan) : nil
    }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.code == .nonFiniteLoss && error?.subject == "step 6")
    #expect(error?.message.contains("10 batches in a row were skipped already") ?? false)
    #expect(try run.troubles().count == 11)
    #expect(run.saved == [3])
  }

  @Test("what skipping cannot mend stops") func skipCannotMend() throws {
    let run = try TroubledRun(Self.training { $0.onNonFinite = .skip }) {
      $0 == 12 ? .weight : nil
    }
    // The validation after step 4 is infinite.
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.message.contains("the validation loss is") ?? false)
    #expect(error?.subject == "step 4")
  }

  // MARK: Spikes

  @Test("a loss above the factor times the mean of the window is a spike") func spikes() throws {
    let policy = TrainingConfiguration.SpikePolicy(factor: 3, window: 4, action: .skip)
    let training = Self.training { $0.onSpike = policy }
    // Before the window is full, and less than the factor: neither is a spike.
    let run = try TroubledRun(training) { sequence in
      let all: [Int: QuadraticEngine.Disturbance] = [8: .loss(50), 28: .loss(2), 36: .loss(60)]
      return all[sequence]
    }
    let (_, state) = try run.train()
    #expect(state.status.health?.skippedBatches == 1)
    let event = try #require(try run.troubles().first)
    #expect(event.event == .batchSkipped && event.step == 9)
    let losses = try run.steps().map(\.loss)
    #expect(event.details["limit"] == .number(3 * losses[5..<9].reduce(0, +) / 4))
    #expect(state.status.health?.recentLosses == Array(losses.suffix(4)))
  }

  @Test("a spike that should stop is an error of its own") func spikeStops() throws {
    let policy = TrainingConfiguration.SpikePolicy(factor: 3, window: 4, action: .stop)
    let run = try TroubledRun(Self.training { $0.onSpike = policy }) { $0 == 36 ? .loss(60) : nil }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.code == .lossSpike && error?.subject == "step 10")
    #expect(try run.troubles().map(\.event) == [.lossSpike])
    // The state after step 9 was due, but the next loss was out of order.
    #expect(run.saved == [3, 6])
  }

  // MARK: Going back

  @Test("going back leaves out all batches since the good checkpoint") func rollsBack() throws {
    let training = Self.training { $0.onNonFinite = .rollback }
    // Step 8, when the good checkpoint is that of step 6.
    let run = try TroubledRun(training) { $0 == 28 ? .loss(.nan) : nil }
    let (outcome, state) = try run.train()
    #expect(outcome.progress.steps == 14)
    #expect(try run.steps().map(\.step) == Array(1...14))
    // The run's beginning is saved too, to have something to go back to.
    #expect(run.saved == [0, 3, 6, 6, 9, 12, 14])
    let health = try #require(state.status.health)
    #expect(health.rollbacks == 1 && health.rollbacksInARow == 0 && health.goodStep == 12)
    #expect(health.abandoned.steps == 1 && health.abandoned.tokens == 2 * 64)
    #expect(state.status.cursor.position == (14 + 2) * 4)
    let event = try #require(try run.troubles().first)
    #expect(event.event == .rolledBack && event.step == 6)
    #expect(event.details["fromStep"] == 7 && event.details["failedStep"] == 8)

    // The same as a run that goes on from that state where the data stand behind step 8.
    var start = try #require(run.checkpoints[6])
    #expect(start.status.cursor.position == 32)
    start.status.health = nil
    let loop = try TrainingLoop(
      state: start, engine: QuadraticEngine(), data: FormulaSource(cursor: start.status.cursor),
      surroundings: Quadratic.surroundings())
    let losses = try (7...14).map { _ in try loop.takeStep().loss }
    #expect(try run.steps().suffix(8).map(\.loss) == losses)
  }

  @Test("weights and validations that are not finite are gone back from as well")
  func rollsBackFromWeights() throws {
    let training = Self.training { $0.onNonFinite = .rollback }
    for (sequence, disturbance) in [
      (20, QuadraticEngine.Disturbance.moment), (12, .weight), (52, .weight), (52, .moment),
    ] {
      let run = try TroubledRun(training) { $0 == sequence ? disturbance : nil }
      let (outcome, state) = try run.train()
      #expect(outcome.reason == .finished && outcome.progress.steps == 14)
      #expect(state.status.health?.rollbacks == 1)
      #expect(try run.steps().map(\.step) == Array(1...14))
      for state in run.checkpoints.values {
        #expect(state.parameters.allSatisfy { $0.value.floats.allSatisfy(\.isFinite) })
        #expect(
          state.parameters.allSatisfy { $0.secondMoment?.floats.allSatisfy(\.isFinite) ?? true })
      }
    }
  }

  @Test("going back ends where it never helps, and good checkpoints are still there")
  func rollbackLimit() throws {
    let run = try TroubledRun(Self.training { $0.onNonFinite = .rollback }) {
      $0 >= 28 ? .loss(.nan) : nil
    }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.code == .nonFiniteLoss)
    #expect(error?.message.contains("went back to step 6 10 times already") ?? false)
    #expect(run.checkpoints.keys.sorted() == [0, 3, 6])
  }

  @Test("without a checkpoint there is nothing to go back to") func nothingToGoBackTo() throws {
    let run = try TroubledRun(Self.training { $0.onNonFinite = .rollback }) {
      $0 == 0 ? .loss(.nan) : nil
    }
    let error = #expect(throws: TrainingError.self) { try run.train() }
    #expect(error?.message.contains("there is no good checkpoint to go back to") ?? false)
  }

  // MARK: Killed and resumed

  private static let policies: [TrainingConfiguration] = [
    training { $0.onNonFinite = .skip },
    training { $0.onNonFinite = .rollback },
    training {
      $0.onNonFinite = .skip
      $0.onSpike = .init(factor: 3, window: 3, action: .rollback)
    },
  ]

  /// A NaN right before a checkpoint, one right after, two spikes in a row.
  @Sendable private static func disturbance(_ sequence: Int) -> QuadraticEngine.Disturbance? {
    let all: [Int: QuadraticEngine.Disturbance] = [
      8: .loss(.nan), 12: .gradient, 36: .loss(90), 40: .loss(.nan), 52: .loss(90),
    ]
    return all[sequence]
  }

  @Test(
    "killed anywhere, also between trouble and going back, the run has the same losses",
    arguments: policies)
  func killed(_ training: TrainingConfiguration) throws {
    let whole = try TroubledRun(training, disturbs: Self.disturbance)
    let end = try whole.train().state
    #expect(try whole.troubles().count > 1)
    for batches in 0..<28 {
      let broken = try TroubledRun(training, disturbs: Self.disturbance)
      // Twice, the second time anywhere after the first.
      for kill in [batches, 28 - batches] {
        do { try broken.train(killedAfter: kill) } catch is TroubledRun.Killed {}
      }
      let state = try broken.train().state
      #expect(try broken.steps() == whole.steps(), "\(batches)")
      #expect(try broken.evaluations() == whole.evaluations(), "\(batches)")
      Self.expectEqual(state, end)
    }
  }

  @Test("interrupted between two micro-batches, the run saves its last whole step and goes on")
  func interruptedWithinStep() throws {
    let training = Self.training {
      $0.batch = BatchConfiguration(sequences: 1, accumulate: 4)
      $0.evaluation = nil
    }
    let whole = try TroubledRun(training)
    let expected = try whole.train().state
    for parts in [1, 2, 3, 4, 9, 22, 31] {
      let broken = try TroubledRun(training)
      let (outcome, _) = try broken.train(inMicroBatch: parts)
      #expect(outcome.reason == .interrupted)
      #expect(outcome.progress.steps == parts / 4)
      #expect(broken.checkpoints[parts / 4] != nil || parts < 4)
      Self.expectEqual(try broken.train().state, expected)
    }
  }

  @Test(
    "interrupted anywhere, where a checkpoint is saved at once, the run has the same losses",
    arguments: policies)
  func interrupted(_ training: TrainingConfiguration) throws {
    let whole = try TroubledRun(training, disturbs: Self.disturbance)
    let end = try whole.train().state
    for steps in 1..<14 {
      let broken = try TroubledRun(training, disturbs: Self.disturbance)
      try broken.train(interruptedAfter: steps)
      try broken.train(interruptedAfter: 2)
      do { try broken.train(killedAfter: 1) } catch is TroubledRun.Killed {}
      let state = try broken.train().state
      #expect(try broken.steps() == whole.steps(), "\(steps)")
      #expect(try broken.evaluations() == whole.evaluations(), "\(steps)")
      Self.expectEqual(state, end)
      #expect(try broken.troubles().map(\.details) == whole.troubles().map(\.details))
    }
  }
}
