// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Tensors
import Testing
import Text
import Training

/// The same engine and threads give the same bits; state taken out and put back changes none.
@Suite("Determinism") struct DeterminismTests {
  static let engines: [TestedEngine] = (1...3).map { .cpu(threads: $0) } + TestedEngine.xla

  @Test("runs repeat bit for bit", arguments: engines, [Precision.fp32, .bf16])
  func repeats(_ engine: TestedEngine, _ precision: Precision) throws {
    let first = try train(on: engine, precision: precision, breakAfter: nil)
    let second = try train(on: engine, precision: precision, breakAfter: nil)
    #expect(second == first)
    #expect(first.allSatisfy { $0.isFinite })
  }

  @Test(
    "a session continued in another repeats bit for bit", arguments: TestedEngine.all,
    [Precision.fp32, .bf16])
  func continues(_ engine: TestedEngine, _ precision: Precision) throws {
    let unbroken = try train(on: engine, precision: precision, breakAfter: nil)
    let broken = try train(on: engine, precision: precision, breakAfter: 3)
    #expect(broken == unbroken)
  }

  @Test("other thread counts differ by rounding only")
  func threadCounts() throws {
    let one = try train(on: .cpu(threads: 1), precision: .fp32, breakAfter: nil)
    let three = try train(on: .cpu(threads: 3), precision: .fp32, breakAfter: nil)
    for (a, b) in zip(one, three) { #expect(abs(a - b) <= 1e-4 * abs(a)) }
  }

  /// Losses and norms of some steps, with dropout; the session is replaced in between if told.
  private func train(
    on tested: TestedEngine, precision: Precision, breakAfter: Int?
  ) throws -> [Double] {
    let golden = GoldenModel.all[0]
    var configuration = try golden.configuration()
    configuration.dropout = DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)
    let program = try configuration.program()
    let engine = try tested.make()
    var session = try engine.makeSession(
      for: program, parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: precision)
    var results: [Double] = []
    for step in 1...6 {
      let batch = try golden.batch(step)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 9, step: UInt64(step), microBatch: 0))
      results.append(loss.mean)
      results.append(try session.update(adamW(program, step: step), clip: 1))
      if step == breakAfter {
        session = try engine.makeSession(
          for: program, parameters: session.parameters(), precision: precision)
      }
    }
    return results
  }
}
