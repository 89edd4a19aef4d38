// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import GoldenModels
import Testing
import Training

@Suite("Widened products") struct WidenedProductTests {
  @Test("bfloat16 on a processor without products of it", arguments: GoldenModel.all)
  func widened(_ golden: GoldenModel) throws {
    let engines = [false, true].map { CPUTrainingEngine(threads: 2, widensBFloat16: $0) }
    let batch = try golden.batch(0)
    let results = try engines.map { engine in
      let session = try engine.makeSession(
        for: golden.program(), parameters: golden.parameters().map { ParameterState(value: $0) },
        precision: .bf16)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
      return (loss.mean, try session.gradients())
    }
    let tolerances = Tolerances.of(.bf16)
    #expect(abs(results[0].0 - results[1].0) <= 1e-3)
    for (native, widened) in zip(results[0].1, results[1].1) {
      // Sums in another order move what is rounded to bfloat16 in between.
      let error = relativeError(widened.floats, native.floats.map(Double.init))
      #expect(error <= tolerances.gradients)
    }
  }
}
