// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import SeededRandom
import Tensors
import Testing
import Training

@Suite("Muon") struct MuonTests {
  private func session(
    _ engine: TestedEngine, _ golden: GoldenModel, _ states: [ParameterState],
    precision: Precision = .fp32
  ) throws -> any TrainingSession {
    try engine.make().makeSession(
      for: golden.program(), parameters: states, precision: precision)
  }

  /// Takes a step of the goldens, counted from 1, and returns its loss.
  private func take(
    _ step: Int, _ golden: GoldenModel, _ session: any TrainingSession
  ) throws -> Double {
    let batch = try golden.batch(step)
    let loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount,
      dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
    let (updates, clip) = try golden.muonUpdates(step: step, golden.program().parameters)
    _ = try session.update(updates, clip: clip)
    return loss.mean
  }

  @Test("ten steps as PyTorch's Muon takes them", arguments: GoldenModel.all, TestedEngine.threaded)
  func steps(_ golden: GoldenModel, _ engine: TestedEngine) throws {
    let reference = try golden.muon().float32
    let session = try session(
      engine, golden, golden.parameters().map { ParameterState(value: $0) })
    for step in 1...10 {
      let (loss, expected) = (try take(step, golden, session), reference.losses[step - 1])
      #expect(abs(loss - expected) <= 1e-5 * expected, "step \(step)")
    }
    for (spec, state) in zip(try golden.program().parameters, try session.parameters()) {
      if spec.role == .bias(.queryKeyValue) { continue }
      let expected = try #require(reference.finalParameterNorms[spec.name])
      #expect(abs(norm(state.value) - expected) <= 1e-5 * expected, "\(spec.name)")
      #expect((state.slots[.momentum] != nil) == spec.isHiddenMatrix, "\(spec.name)")
      #expect(state.slots.count == (spec.isHiddenMatrix ? 1 : 2), "\(spec.name)")
      guard let momentum = reference.finalMomentumNorms[spec.name] else { continue }
      let found = norm(try #require(state.slots[.momentum]))
      #expect(abs(found - momentum) <= 1e-4 * momentum, "momentum of \(spec.name)")
    }
  }

  @Test("ten steps in bfloat16", arguments: GoldenModel.all, TestedEngine.all)
  func bfloat16(_ golden: GoldenModel, _ engine: TestedEngine) throws {
    let reference = try golden.muon().bfloat16
    let session = try session(
      engine, golden, golden.parameters().map { ParameterState(value: $0) }, precision: .bf16)
    for step in 1...10 {
      let (loss, expected) = (try take(step, golden, session), reference.losses[step - 1])
      #expect(abs(loss - expected) <= 1e-2 * expected, "step \(step)")
    }
  }

  @Test(
    "a session that goes on gives the same bits", arguments: Precision.allCases, TestedEngine.all)
  func resumed(_ precision: Precision, _ engine: TestedEngine) throws {
    let golden = GoldenModel.all[1]
    let whole = try session(
      engine, golden, golden.parameters().map { ParameterState(value: $0) }, precision: precision)
    for step in 1...3 { _ = try take(step, golden, whole) }
    let second = try session(
      engine, golden, whole.parameters(), precision: precision)
    for step in 4...6 {
      #expect(try take(step, golden, whole) == take(step, golden, second), "step \(step)")
    }
    for (one, other) in zip(try whole.parameters(), try second.parameters()) {
      #expect(one.value.floats == other.value.floats)
      #expect(one.slots.mapValues(\.floats) == other.slots.mapValues(\.floats))
    }
  }

  @Test("matrices of any shape step as in float64", arguments: TestedEngine.all)
  func shapes(_ engine: TestedEngine) throws {
    let golden = GoldenModel.all[0]
    let program = try golden.program()
    let states = randomStates(program, seed: 3)
    let sessions = [
      try session(engine, golden, states),
      try Float64Engine().makeSession(for: program, parameters: states, precision: .fp32),
    ]
    for step in 1...3 {
      let losses = try sessions.map { try take(step, golden, $0) }
      #expect(abs(losses[0] - losses[1]) <= 1e-5 * losses[1], "step \(step)")
    }
    let results = try sessions.map { try $0.parameters() }
    for (index, spec) in program.parameters.enumerated() where spec.isHiddenMatrix {
      let error = relativeError(
        results[0][index].value.floats, results[1][index].value.floats.map(Double.init))
      #expect(error < 1e-5, "\(spec.name)")
    }
  }

  private func norm(_ tensor: HostTensor) -> Double {
    tensor.floats.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
