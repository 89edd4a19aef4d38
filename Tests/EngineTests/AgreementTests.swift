// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Testing
import Text
import Training

/// Engines against each other along a training, where the same dropout is on.
@Suite(
  "Agreement of engines",
  .enabled(if: !TestedEngine.xla.isEmpty, Comment(rawValue: InstalledPlugin.advice)))
struct AgreementTests {
  @Test("twenty steps of two micro-batches with dropout", arguments: GoldenModel.all)
  func twentySteps(_ golden: GoldenModel) throws {
    var configuration = try golden.configuration()
    configuration.dropout = DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)
    let program = try configuration.program()
    let runs = try TestedEngine.all.map { try losses(golden, program, $0) }
    let (cpu, xla) = (runs[0], runs[1])
    #expect(cpu.count == 20 && cpu[19] < cpu[0])
    for (step, (ours, theirs)) in zip(xla, cpu).enumerated() {
      #expect(abs(ours - theirs) <= Tolerances.of(.fp32).loss * theirs, "step \(step + 1)")
    }
  }

  private func losses(
    _ golden: GoldenModel, _ program: Program, _ engine: TestedEngine
  ) throws -> [Double] {
    let session = try engine.make().makeSession(
      for: program, parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: .fp32)
    return try (0..<20).map { step in
      let batch = try golden.batch(1 + step % 10)
      var loss = LossSum(total: 0, targetCount: 0)
      let parts = [batch.sequences(0..<1), batch.sequences(1..<batch.sequenceCount)]
      for (index, part) in parts.enumerated() {
        let key = DropoutKey(seed: 4, step: UInt64(step), microBatch: UInt32(index))
        loss =
          loss
          + (try session.accumulateGradients(
            of: part, normalizer: batch.targetCount, dropoutKey: key))
      }
      let updates = program.parameters.map {
        AdamWUpdate(
          learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8,
          weightDecay: $0.decays ? 0.1 : 0, stepCount: step + 1)
      }
      _ = try session.update(updates, clip: 1)
      return loss.mean
    }
  }
}
