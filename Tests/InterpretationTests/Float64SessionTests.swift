// SPDX-License-Identifier: Apache-2.0
import Architectures
import Interpretation
import Tensors
import Testing
import Text
import Training

@Suite("Reference engine in training") struct Float64SessionTests {
  private let configuration = ReferenceModelTests.configurations[1]
  private let batch = TokenBatch(
    sequenceCount: 2, sequenceLength: 3, inputs: [0, 3, 6, 1, 5, 5],
    targets: [3, 6, -1, 5, 5, 2])

  private func states() throws -> [ParameterState] {
    let program = try configuration.program()
    return program.initialParameters(seed: 2).map {
      ParameterState(value: $0, stepCount: 4, learningRateMultiplier: 0.5, epsilonMultiplier: 2)
    }
  }

  private func session(_ states: [ParameterState]) throws -> any TrainingSession {
    try Float64Engine().makeSession(
      for: try configuration.program(), parameters: states, precision: .fp32)
  }

  private func update(_ step: Int) -> AdamWUpdate {
    AdamWUpdate(
      learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1,
      stepCount: step)
  }

  private func key(_ microBatch: UInt32) -> DropoutKey {
    DropoutKey(seed: 1, step: 0, microBatch: microBatch)
  }

  @Test("Gradients add up until an update, which zeroes them")
  func accumulation() throws {
    let session = try session(try states())
    _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(0))
    let first = try session.gradients()
    _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(1))
    let both = try session.gradients()
    #expect(first[0].floats != both[0].floats)
    let norm = try session.gradientSquaredNorm().squareRoot()
    let fresh = try self.session(try states())
    _ = try fresh.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(1))
    for (sum, (a, b)) in zip(both, zip(first, try fresh.gradients())) {
      #expect(zip(sum.floats, zip(a.floats, b.floats)).allSatisfy { abs($0 - $1.0 - $1.1) < 1e-6 })
    }
    let updates = both.map { _ in update(1) }
    #expect(try session.update(updates, clip: nil) == norm)
    #expect(try session.gradientSquaredNorm() == 0)
  }

  @Test("The clip scales all gradients by one factor, so a first update keeps its size")
  func clip() throws {
    let states = try states()
    for clip in [nil, 0.01] as [Double?] {
      let session = try session(states)
      _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(0))
      let gradients = try session.gradients()
      let norm = try session.update(states.map { _ in update(1) }, clip: clip)
      #expect(norm > 0.01)
      let factor = clip.map { $0 / (norm + 1e-6) } ?? 1
      for (gradient, state) in zip(gradients, try session.parameters()) {
        let moment = try #require(state.firstMoment)
        let expected = gradient.floats.map { 0.1 * Double($0) * factor }
        #expect(zip(moment.floats, expected).allSatisfy { abs(Double($0) - $1) < 1e-7 })
      }
    }
  }

  @Test("A session goes on from the parameters that another gave back")
  func handover() throws {
    let first = try session(try states())
    let second = try session(try states())
    for step in 1...2 {
      for session in [first, second] {
        _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(0))
        _ = try session.update(try states().map { _ in update(step) }, clip: 1)
      }
    }
    let resumed = try session(try second.parameters())
    #expect(abs(try resumed.loss(of: batch).mean - (try first.loss(of: batch).mean)) < 1e-6)
    let state = try resumed.parameters()[3]
    #expect(state.stepCount == 4 && state.learningRateMultiplier == 0.5)
    #expect(state.epsilonMultiplier == 2)
    for session in [first, resumed] {
      _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(3))
      _ = try session.update(try states().map { _ in update(3) }, clip: 1)
    }
    #expect(abs(try resumed.loss(of: batch).mean - (try first.loss(of: batch).mean)) < 1e-5)
  }

  @Test("Without ε, what never had a gradient makes no step") func withoutEpsilon() throws {
    let states = try states()
    let session = try session(states)
    _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(0))
    let gradients = try session.gradients()
    let without = AdamWUpdate(
      learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 0, weightDecay: 0, stepCount: 1)
    _ = try session.update(states.map { _ in without }, clip: nil)
    var still = 0
    for (before, (after, gradient)) in zip(states, zip(try session.parameters(), gradients)) {
      for (value, (new, slope)) in zip(
        before.value.floats, zip(after.value.floats, gradient.floats))
      {
        #expect(new.isFinite)
        guard slope == 0 else { continue }
        still += 1
        #expect(new == value)
      }
    }
    #expect(still > 0)
  }

  @Test("A norm that is not finite updates nothing")
  func notFinite() throws {
    var states = try states()
    let shape = states[0].value.shape
    states[0].value = HostTensor(
      [Float](repeating: .infinity, count: shape.elementCount), shape: shape)
    let session = try session(states)
    _ = try session.accumulateGradients(of: batch, normalizer: 5, dropoutKey: key(0))
    #expect(try !session.update(states.map { _ in update(1) }, clip: 1).isFinite)
    for (before, after) in zip(states, try session.parameters()) {
      #expect(before.value.floats == after.value.floats)
    }
  }

  @Test("Parameters and moments that do not fit are errors")
  func mismatch() throws {
    var states = try states()
    states[1].secondMoment = HostTensor(zeros: [3])
    #expect(throws: InterpretationError.self) { try session(states) }
    states.removeLast()
    #expect(throws: InterpretationError.self) { try session(states) }
    let whole = try session(try self.states())
    #expect(throws: InterpretationError.self) { try whole.update([], clip: nil) }
  }
}
