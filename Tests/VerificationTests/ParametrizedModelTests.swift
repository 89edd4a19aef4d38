// SPDX-License-Identifier: Apache-2.0
import Architectures
import CPUEngine
import Growth
import Tensors
import Testing
import Text
import Training
import Verification

/// A model in the maximal update parametrization is measured as it trains.
@Suite("Measured training in a parametrization") struct ParametrizedModelTests {
  private let optimizer = OptimizerConfiguration.adamW(AdamWConfiguration(epsilon: 1e-12))

  private func training(_ base: BaseModel?) -> TrainingConfiguration {
    TrainingConfiguration(
      batch: BatchConfiguration(sequences: 2), optimizer: optimizer,
      schedule: LearningRateSchedule(kind: .constant, peak: 1e-3, total: nil),
      stop: StopConditions(after: .steps(1)),
      parametrization: base.map { MaximalUpdateParametrization(base: $0) })
  }

  @Test("steps have the rates of the checkpoint's parametrization, in float32 and float64")
  func rates() throws {
    let model = SmallModel.llama
    // A quarter of the width: matrices of a block step by a quarter of the rate, norms by all of it.
    var small = model.configuration
    small.hiddenSize = 3
    var state = try model.randomState()
    state.training = training(BaseModel(small))
    let plain = try model.randomState()
    let batch = TokenBatch.random(
      count: 2, for: model.configuration, sequences: 2, length: 8, seed: 1)
    func losses(_ state: ModelState) throws -> [[Double]] {
      try [
        ExactModel(state) as any MeasuredModel,
        EngineModel(state, on: CPUTrainingEngine(threads: 1)),
      ].map {
        try Trajectory.losses(
          $0, batches: [batch[0], batch[0]],
          training: MeasuredTraining(optimizer: optimizer, learningRate: 1e-3))
      }
    }
    let (scaled, unscaled) = try (losses(state), losses(plain))
    for (one, other) in zip(scaled, unscaled) {
      #expect(abs(one[0] - other[0]) < 1e-6)
      // Smaller steps take less off the loss of the same batch.
      #expect(one[0] - one[1] < 0.8 * (other[0] - other[1]))
      #expect(one[0] - one[1] > 0)
    }
    #expect(abs(scaled[0][1] - scaled[1][1]) < 1e-5)
  }
}
