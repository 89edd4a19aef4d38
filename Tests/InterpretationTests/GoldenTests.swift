// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Interpretation
import Tensors
import Testing
import Text
import Training

@Suite("Reference engine against PyTorch") struct GoldenTests {
  @Test("Logits, loss and every gradient", arguments: GoldenModel.all)
  func gradients(_ golden: GoldenModel) throws {
    let program = try golden.program()
    let model = try ReferenceModel(program: program, parameters: golden.directory().doubles())
    let (reference, tensors) = (try golden.reference(), try golden.tensors())
    let result = try model.lossAndGradients(try golden.batch(0))

    #expect(abs(result.loss.mean - reference.loss64) < 1e-12 * reference.loss64)
    #expect(abs(result.loss.mean - reference.loss) < 1e-5)
    #expect(largestDifference(result.logits, try tensors.doubles("logits64")) < 1e-11)
    #expect(largestDifference(result.logits, try tensors.doubles("logits")) < 1e-5)
    for (spec, gradient) in zip(program.parameters, result.gradients) {
      let exact = try tensors.doubles("gradients64.\(spec.name)")
      let single = try tensors.doubles("gradients.\(spec.name)")
      #expect(relativeError(gradient, exact) < 1e-11, "\(spec.name)")
      #expect(relativeError(gradient, single) < 1e-5, "\(spec.name)")
    }
  }

  @Test("Ten AdamW steps", arguments: GoldenModel.all)
  func steps(_ golden: GoldenModel) throws {
    let program = try golden.program()
    let adamW = try golden.reference().adamW
    let states = try golden.parameters().map { ParameterState(value: $0) }
    let session = try Float64Engine().makeSession(
      for: program, parameters: states, precision: .fp32)
    for (step, rate) in adamW.learningRates.enumerated() {
      let batch = try golden.batch(step + 1)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 1, step: UInt64(step), microBatch: 0))
      #expect(abs(loss.mean - adamW.float64.losses[step]) < 1e-9, "step \(step + 1)")
      let updates = program.parameters.map {
        AdamWUpdate(
          learningRate: rate, beta1: adamW.beta1, beta2: adamW.beta2, epsilon: adamW.epsilon,
          weightDecay: $0.decays ? adamW.weightDecay : 0, stepCount: step + 1)
      }
      let norm = try session.update(updates, clip: adamW.clip)
      #expect(abs(norm - adamW.float64.gradientNorms[step]) < 1e-8, "step \(step + 1)")
    }
    for (spec, state) in zip(program.parameters, try session.parameters()) {
      let norm = state.value.floats.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let expected = try #require(adamW.float64.finalParameterNorms[spec.name])
      #expect(abs(norm - expected) < 1e-6 * expected, "\(spec.name)")
    }
  }

  @Test("Ten steps of Muon", arguments: GoldenModel.all)
  func muonSteps(_ golden: GoldenModel) throws {
    let program = try golden.program()
    let expected = try golden.muon().float64
    let states = try golden.parameters().map { ParameterState(value: $0) }
    let session = try Float64Engine().makeSession(
      for: program, parameters: states, precision: .fp32)
    for step in 1...10 {
      let batch = try golden.batch(step)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 1, step: 0, microBatch: 0))
      #expect(abs(loss.mean - expected.losses[step - 1]) < 1e-9, "step \(step)")
      let (updates, clip) = try golden.muonUpdates(step: step, program.parameters)
      _ = try session.update(updates, clip: clip)
    }
    for (spec, state) in zip(program.parameters, try session.parameters()) {
      let norm = state.value.floats.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let wanted = try #require(expected.finalParameterNorms[spec.name])
      #expect(abs(norm - wanted) < 1e-6 * wanted, "\(spec.name)")
    }
  }

  private func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    #expect(a.count == b.count)
    return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
