// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Interpretation
import RunLogs
import Tensors
import Testing
import Text
import Training

@Suite("TrainingLoop on transformers") struct TrainingLoopModelTests {
  private static let models = [
    ModelConfiguration(
      architecture: .gpt2, layerCount: 1, hiddenSize: 8, headCount: 2, intermediateSize: 16,
      vocabularySize: 7, contextLength: 16, tiesHead: true,
      dropout: DropoutRates(embedding: 0.05, attention: 0.05, residual: 0.05)),
    ModelConfiguration(
      architecture: .llama, layerCount: 1, hiddenSize: 8, headCount: 2, keyValueHeadCount: 1,
      intermediateSize: 12, vocabularySize: 7, contextLength: 16, rotary: RotaryEmbedding(),
      tiesHead: false),
  ]

  private func training(steps: Int) -> TrainingConfiguration {
    TrainingConfiguration(
      seed: 11,
      batch: BatchConfiguration(
        sequences: 2, accumulate: 2, sequencesWarmup: .init(start: 2, tokens: 400),
        sequenceLengthWarmup: .init(start: 8, tokens: 600)),
      optimizer: .adamW(AdamWConfiguration(weightDecay: 0.01)),
      schedule: LearningRateSchedule(peak: 0.03, warmup: .steps(4), total: .tokens(3000)),
      evaluation: EvaluationConfiguration(every: .steps(20), batches: 2), checkpoint: nil,
      stop: StopConditions(after: .steps(steps)), noiseScale: NoiseScaleConfiguration(every: 5))
  }

  /// A text that a model of some context learns almost perfectly: period seven.
  private func tokens(_ count: Int) throws -> InMemoryTokens {
    let period: [Int32] = [0, 3, 1, 6, 2, 5, 4]
    return try InMemoryTokens((0..<count).map { period[$0 % 7] }, vocabularySize: 7)
  }

  private func run(_ state: TrainingState) throws -> (steps: [StepRecord], end: TrainingState) {
    var steps: [StepRecord] = []
    let loop = try TrainingLoop(
      state: state, engine: Float64Engine(),
      data: BatchStream(tokens(333), at: state.status.cursor),
      surroundings: TrainingLoop.Surroundings(
        validation: tokens(100),
        observer: TrainingObserver { if case .step(let step) = $0 { steps.append(step) } },
        clock: { 0 }))
    _ = try loop.run()
    return (steps, try loop.snapshot())
  }

  @Test("learns from a shuffled stream, and goes on from files as if unbroken", arguments: models)
  func learns(_ model: ModelConfiguration) throws {
    let program = try model.program()
    let stream = try BatchStream(tokens(333), contextLength: 16, order: .shuffled, seed: 11)
    var state = TrainingState(
      model: model, training: training(steps: 60), values: program.initialParameters(seed: 11),
      cursor: stream.cursor)
    let whole = try run(state)
    let first = try #require(whole.steps.first).loss
    #expect(abs(first - log(7)) < 0.2)
    let validation = try #require(whole.end.status.validationLoss)
    #expect(validation < 0.5)
    #expect(
      whole.steps[0].flops == Double(whole.steps[0].tokens)
        * program.floatingPointOperations(sequenceLength: 8).training)
    #expect(whole.end.status.cursor.epoch > 1)

    state.status.training.stop = StopConditions(after: .steps(23))
    let part = try run(state)
    let saved = try withTemporaryFolder { folder in
      try part.end.write(to: folder.appending(path: "s"), tokenizer: nil)
      return try TrainingState(reading: folder.appending(path: "s"))
    }
    var resumed = saved
    resumed.status.training.stop = StopConditions(after: .steps(60))
    let rest = try run(resumed)
    let steps = part.steps + rest.steps
    #expect(steps.map(\.tokens) == whole.steps.map(\.tokens))
    #expect(steps.map(\.learningRate) == whole.steps.map(\.learningRate))
    #expect(rest.end.status.cursor == whole.end.status.cursor)
    // The reference engine holds float64, of which files keep float32; so no equality of bits here.
    for (mine, expected) in zip(steps, whole.steps) {
      #expect(abs(mine.loss - expected.loss) < 1e-4 * max(1, expected.loss))
    }
  }
}
