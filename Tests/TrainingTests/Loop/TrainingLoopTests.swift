// SPDX-License-Identifier: Apache-2.0
import Foundation
import RunLogs
import Synchronization
import Tensors
import Testing
import Text
import Training

@Suite("TrainingLoop") struct TrainingLoopTests {
  /// Runs the quadratic to its end and returns its step records and final state.
  private func run(
    _ training: TrainingConfiguration, engine: QuadraticEngine = QuadraticEngine(),
    source: FormulaSource = FormulaSource()
  ) throws -> (steps: [StepRecord], state: TrainingState) {
    var steps: [StepRecord] = []
    var surroundings = Quadratic.surroundings()
    surroundings.observer.hear = { if case .step(let record) = $0 { steps.append(record) } }
    let loop = try TrainingLoop(
      state: Quadratic.state(training), engine: engine, data: source,
      surroundings: surroundings)
    let outcome = try loop.run()
    #expect(outcome.reason == .finished)
    return (steps, try loop.snapshot())
  }

  private func expectClose(_ tensor: HostTensor?, _ golden: NestedNumbers, _ name: String) throws {
    let floats = try #require(tensor).floats
    #expect(floats.count == golden.flat.count)
    for (float, expected) in zip(floats, golden.flat) {
      #expect(abs(Double(float) - expected) <= 2e-6 * max(1, abs(expected)), "\(name)")
    }
  }

  @Test("forty steps equal PyTorch's AdamW, however the batch is split", arguments: [1, 2, 4])
  func goldens(_ accumulate: Int) throws {
    let golden = try OptimizerGolden.load()
    let training = Quadratic.training(
      batch: BatchConfiguration(sequences: 4 / accumulate, accumulate: accumulate),
      stop: StopConditions(after: .steps(40)))
    let (steps, state) = try run(training)
    #expect(try state.validate().parameters.map(\.name) == golden.names)
    #expect(steps.map(\.step) == Array(1...40))
    for (index, step) in steps.enumerated() {
      #expect(abs(step.loss / golden.losses[index] - 1) < 1e-6)
      #expect(abs(step.gradientNorm / golden.gradientNorms[index] - 1) < 1e-6)
      #expect(abs(step.learningRate - golden.cosine[index]) < 1e-14)
      #expect(step.tokens == (index + 1) * 64)
      #expect(step.flops == Double(step.tokens) * Quadratic.operationsPerToken)
    }
    for (index, parameter) in state.parameters.enumerated() {
      try expectClose(parameter.value, golden.parameters[index], golden.names[index])
      try expectClose(parameter.firstMoment, golden.firstMoments[index], golden.names[index])
      try expectClose(parameter.secondMoment, golden.secondMoments[index], golden.names[index])
      #expect(parameter.stepCount == 40)
    }
  }

  @Test("a run in two parts equals the whole, wherever it is cut", arguments: [1, 7, 8, 9, 20, 39])
  func resumes(_ cut: Int) throws {
    var training = Quadratic.training(
      batch: BatchConfiguration(
        sequences: 2, accumulate: 2, sequencesWarmup: .init(start: 1, tokens: 700),
        sequenceLengthWarmup: .init(start: 8, tokens: 900)),
      stop: StopConditions(after: .steps(40)))
    training.noiseScale = NoiseScaleConfiguration(every: 3)
    training.schedule.total = .tokens(1800)
    let whole = try run(training)

    training.stop = StopConditions(after: .steps(cut))
    let first = try run(training)
    var state = first.state
    state.status.training.stop = StopConditions(after: .steps(40))
    var steps = first.steps
    var surroundings = Quadratic.surroundings()
    surroundings.observer.hear = { if case .step(let record) = $0 { steps.append(record) } }
    let second = try TrainingLoop(
      state: state, engine: QuadraticEngine(), data: FormulaSource(cursor: state.status.cursor),
      surroundings: surroundings)
    _ = try second.run()

    #expect(steps == whole.steps)
    let end = try second.snapshot()
    #expect(end.status == whole.state.status)
    for (mine, expected) in zip(end.parameters, whole.state.parameters) {
      #expect(mine.value.floats == expected.value.floats)
      #expect(mine.firstMoment?.floats == expected.firstMoment?.floats)
      #expect(mine.secondMoment?.floats == expected.secondMoment?.floats)
      #expect(mine.stepCount == expected.stepCount)
      #expect(mine.learningRateMultiplier == expected.learningRateMultiplier)
    }
  }

  @Test("each micro-batch has its own dropout key and the whole step's normalizer") func keys()
    throws
  {
    let heard = Mutex<[(key: DropoutKey, sequences: Int, normalizer: Int)]>([])
    let engine = QuadraticEngine(hear: { key, batch, normalizer in
      heard.withLock { $0.append((key, batch.sequenceCount, normalizer)) }
    })
    let training = Quadratic.training(
      batch: BatchConfiguration(sequences: 3, accumulate: 2),
      stop: StopConditions(after: .steps(2)))
    _ = try run(training, engine: engine)
    let calls = heard.withLock { $0 }
    #expect(calls.map(\.key.step) == [0, 0, 1, 1])
    #expect(calls.map(\.key.microBatch) == [0, 1, 0, 1])
    #expect(calls.allSatisfy { $0.key.seed == training.seed && $0.sequences == 3 })
    var source = FormulaSource()
    let targets = try (0..<2).map { _ in
      try source.next(sequenceCount: 6, sequenceLength: 16).targetCount
    }
    #expect(calls.map(\.normalizer) == [targets[0], targets[0], targets[1], targets[1]])
  }

  @Test("warm-ups of batch and length set the sizes of each step") func warmups() throws {
    let batch = BatchConfiguration(
      sequences: 4, accumulate: 2, sequencesWarmup: .init(start: 2, tokens: 300),
      sequenceLengthWarmup: .init(start: 8, tokens: 500))
    let steps = try run(
      Quadratic.training(batch: batch, stop: StopConditions(after: .steps(20)))
    ).steps
    var seen = 0
    for step in steps {
      #expect(step.sequences == batch.sequencesPerStep(afterTokens: seen))
      #expect(step.sequenceLength == batch.sequenceLength(afterTokens: seen, contextLength: 16))
      seen += step.sequences * step.sequenceLength
      #expect(step.tokens == seen)
    }
    #expect(steps.first?.sequences == 2 && steps.last?.sequences == 8)
    #expect(steps.first?.sequenceLength == 8 && steps.last?.sequenceLength == 16)
  }

  @Test("noise is measured at the steps asked for and changes nothing else") func noise() throws {
    var training = Quadratic.training(stop: StopConditions(after: .steps(10)))
    func source() -> FormulaSource { FormulaSource(target: FormulaSource.scattered) }
    let plain = try run(training, source: source()).steps
    training.noiseScale = NoiseScaleConfiguration(every: 4)
    let measured = try run(training, source: source()).steps
    #expect(
      measured.filter { $0.criticalBatchTokens != nil }.allSatisfy { $0.step % 4 == 0 })
    #expect(measured.contains { $0.criticalBatchTokens != nil })
    for (one, other) in zip(plain, measured) {
      #expect(abs(one.loss - other.loss) < 1e-6 * one.loss)
      if let tokens = other.criticalBatchTokens {
        #expect(other.gradientNoiseScale == tokens / 16)
      }
    }
  }
}
