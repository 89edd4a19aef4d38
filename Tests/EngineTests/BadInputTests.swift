// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Tensors
import Testing
import Text
import Training

/// What does not fit is refused before a kernel sees it.
@Suite("Bad input") struct BadInputTests {
  let golden = GoldenModel.all[0]

  private func session(_ engine: TestedEngine) throws -> any TrainingSession {
    try engine.make().makeSession(
      for: golden.program(), parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: .fp32)
  }

  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  @Test("tokens outside the vocabulary", arguments: TestedEngine.all)
  func tokens(_ engine: TestedEngine) throws {
    let session = try session(engine)
    for (inputs, targets, expected) in [
      ([0, 131], [0, 0], "batch: token 131 at position 1 is not from 0 to below 131"),
      ([-1, 0], [0, 0], "batch: token -1 at position 0 is not from 0 to below 131"),
      ([0, 0], [0, -2], "batch: token -2 at position 1 is not from -1 to below 131"),
    ] as [([Int32], [Int32], String)] {
      let batch = TokenBatch(
        sequenceCount: 1, sequenceLength: 2, inputs: inputs, targets: targets)
      let message = message { _ = try session.loss(of: batch) }
      #expect(message == expected)
    }
  }

  @Test("sequences longer than the positions", arguments: TestedEngine.all)
  func tooLong(_ engine: TestedEngine) throws {
    let session = try session(engine)
    let tokens = [Int32](repeating: 1, count: 33)
    let batch = TokenBatch(
      sequenceCount: 1, sequenceLength: 33, inputs: tokens, targets: tokens)
    let message = message { _ = try session.loss(of: batch) }
    #expect(message == "batch: sequences of 33 tokens; the model has 32 positions")
  }

  @Test("an empty batch", arguments: TestedEngine.all)
  func empty(_ engine: TestedEngine) throws {
    let session = try session(engine)
    let batch = TokenBatch(sequenceCount: 0, sequenceLength: 0, inputs: [], targets: [])
    let message = message { _ = try session.loss(of: batch) }
    #expect(message == "batch: has no tokens")
  }

  @Test("parameters of another shape or number", arguments: TestedEngine.all)
  func parameters(_ engine: TestedEngine) throws {
    var tensors = try golden.parameters()
    tensors[1] = HostTensor(zeros: [3, 5])
    let program = try golden.program()
    let shape = message {
      _ = try engine.make().makeLanguageModel(for: program, parameters: tensors, precision: .fp32)
    }
    #expect(
      shape
        == "transformer.wpe.weight: is float32 [3, 5]; the program wants float32 [32, 40]")
    tensors.removeLast()
    let number = message {
      _ = try engine.make().makeLanguageModel(for: program, parameters: tensors, precision: .fp32)
    }
    #expect(number == "parameters: 27 given; the program has 28")
  }

  @Test("a gradient that is not finite updates nothing", arguments: TestedEngine.all)
  func notFinite(_ engine: TestedEngine) throws {
    var tensors = try golden.parameters()
    tensors[0].withUnsafeMutableBytes { $0.storeBytes(of: Float.nan, as: Float.self) }
    let session = try engine.make().makeSession(
      for: golden.program(), parameters: tensors.map { ParameterState(value: $0) },
      precision: .fp32)
    let batch = TokenBatch(sequenceCount: 1, sequenceLength: 2, inputs: [0, 1], targets: [1, 2])
    let loss = try session.accumulateGradients(
      of: batch, normalizer: 2, dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
    #expect(!loss.mean.isFinite)
    let norm = try session.update(adamW(golden.program(), step: 1), clip: 1)
    #expect(!norm.isFinite)
    let states = try session.parameters()
    for (before, after) in zip(tensors.dropFirst(), states.dropFirst()) {
      #expect(before.floats == after.value.floats)
    }
  }
}
