// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Testing
import Training

@Suite("TrainingConfiguration") struct TrainingConfigurationTests {
  private static func configuration() -> TrainingConfiguration {
    TrainingConfiguration(
      seed: .max, precision: .bf16, batch: BatchConfiguration(sequences: 4),
      schedule: LearningRateSchedule(peak: 0.1 + 0.2, total: .tokens(100)),
      stop: StopConditions(after: .steps(10)), noiseScale: NoiseScaleConfiguration())
  }

  @Test("reads back from JSON bit for bit, the largest seed too") func json() throws {
    let configuration = Self.configuration()
    let data = try JSONEncoder().encode(configuration)
    #expect(
      try JSONDecoder().decode(TrainingConfiguration.self, from: data) == configuration)
    #expect(throws: Never.self) { try configuration.validate() }
  }

  private typealias Change = @Sendable (inout TrainingConfiguration) -> Void

  private static let changes: [(String, Change)] = [
    ("optimizer.beta1", { $0.optimizer.beta1 = 1 }),
    ("optimizer.beta2", { $0.optimizer.beta2 = .nan }),
    ("optimizer.epsilon", { $0.optimizer.epsilon = -1 }),
    (
      "optimizer.weightDecay",
      { $0.optimizer.weightDecay = .infinity }
    ),
    ("optimizer.weightDecay", { $0.optimizer.weightDecay = 1e300 }),
    ("optimizer.epsilon", { $0.optimizer.epsilon = 1e39 }),
    ("optimizer.clip", { $0.optimizer.clip = 0 }),
    ("evaluate.batches", { $0.evaluation = .init(batches: 0) }),
    (
      "evaluate.every",
      { $0.evaluation = .init(every: .tokens(0)) }
    ),
    ("checkpoint.keep", { $0.checkpoint = .init(keep: 0) }),
    ("stop", { $0.stop = .init(after: nil) }),
    ("stop.after", { $0.stop = .init(after: .seconds(-1)) }),
    ("stop.loss", { $0.stop = .init(after: nil, loss: .nan) }),
    (
      "stop.loss",
      {
        $0.stop.loss = 3
        $0.evaluation = nil
      }
    ),
    ("noiseScale.every", { $0.noiseScale = .init(every: 0) }),
    (
      "noiseScale.smoothing",
      { $0.noiseScale = .init(smoothing: 1) }
    ),
    ("noiseScale", { $0.batch.sequences = 1 }),
    ("batch.sequences", { $0.batch.sequences = 0 }),
    ("schedule.peak", { $0.schedule.peak = -1 }),
    ("schedule.peak", { $0.schedule.peak = 1e300 }),
  ]

  @Test("what does not fit is named", arguments: changes)
  private func invalid(_ key: String, _ change: Change) {
    var configuration = Self.configuration()
    change(&configuration)
    let error = #expect(throws: TrainingError.self) { try configuration.validate() }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.subject == key)
  }

  @Test("decay rules tell matrices and embeddings from norms and biases") func decay() throws {
    for parameter in try Quadratic.model.program().parameters {
      let isVector = parameter.shape.rank == 1
      #expect(AdamWConfiguration.DecayRule.matrices.applies(to: parameter) == !isVector)
      #expect(AdamWConfiguration.DecayRule.all.applies(to: parameter))
      #expect(!AdamWConfiguration.DecayRule.none.applies(to: parameter))
    }
  }
}
