// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Tensors
import Testing
import Text
import Training

/// Engines against PyTorch and transformers, on whole models.
@Suite("Parity with PyTorch") struct ParityTests {
  let exact = Tolerances.of(.fp32)
  private static let both = TestedEngine.all.flatMap { engine in
    Precision.allCases.map { (engine: engine, precision: $0) }
  }

  @Test("logits in float32", arguments: GoldenModel.all, TestedEngine.all)
  func logits(_ golden: GoldenModel, _ engine: TestedEngine) throws {
    let engine = try engine.make()
    let model = try engine.makeLanguageModel(
      for: golden.program(), parameters: golden.parameters(), precision: .fp32)
    let logits = try model.logits(golden.batch(0))
    for name in ["logits", "logits64"] {
      let expected = try golden.tensors().doubles(name)
      let scale = expected.reduce(0) { max($0, $1.magnitude) }
      for (index, (ours, theirs)) in zip(logits.floats, expected).enumerated() {
        #expect(abs(Double(ours) - theirs) <= self.exact.logits * scale, "\(name) \(index)")
      }
    }
  }

  @Test("loss and gradients", arguments: GoldenModel.all, both)
  func gradients(
    _ golden: GoldenModel, _ tested: (engine: TestedEngine, precision: Precision)
  ) throws {
    let (engine, precision) = (try tested.engine.make(), tested.precision)
    let session = try engine.makeSession(
      for: golden.program(), parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: precision)
    let batch = try golden.batch(0)
    let loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount,
      dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
    let reference = try golden.reference()
    let tolerances = Tolerances.of(precision)
    #expect(abs(loss.mean - reference.loss64) <= tolerances.loss * reference.loss64)
    let tensors = try golden.tensors()
    for (spec, gradient) in zip(try golden.program().parameters, try session.gradients()) {
      let exact = try tensors.doubles("gradients64.\(spec.name)")
      let error = relativeError(gradient.floats, exact)
      #expect(error <= tolerances.gradients, "\(spec.name): \(error)")
    }
  }

  @Test("ten AdamW steps", arguments: GoldenModel.all, TestedEngine.all)
  func optimizerSteps(_ golden: GoldenModel, _ engine: TestedEngine) throws {
    let engine = try engine.make()
    let session = try engine.makeSession(
      for: golden.program(), parameters: golden.parameters().map { ParameterState(value: $0) },
      precision: .fp32)
    let reference = try golden.reference().adamW
    let specs = try golden.program().parameters
    for step in 1...10 {
      let batch = try golden.batch(step)
      let loss = try session.accumulateGradients(
        of: batch, normalizer: batch.targetCount,
        dropoutKey: DropoutKey(seed: 0, step: 0, microBatch: 0))
      let norm = try session.update(
        specs.map {
          AdamWUpdate(
            learningRate: reference.learningRates[step - 1], beta1: reference.beta1,
            beta2: reference.beta2, epsilon: reference.epsilon,
            weightDecay: $0.decays ? reference.weightDecay : 0, stepCount: step)
        }, clip: reference.clip)
      let expectedLoss = reference.float32.losses[step - 1]
      let expectedNorm = reference.float32.gradientNorms[step - 1]
      #expect(abs(loss.mean - expectedLoss) <= exact.loss * expectedLoss, "step \(step)")
      #expect(abs(norm - expectedNorm) <= exact.gradients * expectedNorm, "step \(step)")
    }
    for (spec, parameter) in zip(specs, try session.parameters()) {
      let norm = parameter.value.floats.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let expected = try #require(reference.float32.finalParameterNorms[spec.name])
      // The softmax does not see the keys' biases.
      let isNoise = spec.role == .bias(.queryKeyValue)
      let tolerance = isNoise ? Tolerances.rounding : exact.gradients
      #expect(abs(norm - expected) <= tolerance * expected, "\(spec.name)")
    }
  }

  @Test("scores and decoding agree with the logits", arguments: GoldenModel.all, TestedEngine.all)
  func scoresAndDecoding(_ golden: GoldenModel, _ engine: TestedEngine) throws {
    let engine = try engine.make()
    let model = try engine.makeLanguageModel(
      for: golden.program(), parameters: golden.parameters(), precision: .fp32)
    let batch = try golden.batch(0)
    let logits = try model.logits(batch).floats
    let vocabulary = try golden.configuration().vocabularySize
    for (row, score) in try model.score(batch).enumerated() {
      let target = Int(batch.targets[row])
      guard target >= 0 else {
        #expect(score == TokenScore(logProbability: 0, isGreedy: false))
        continue
      }
      let line = logits[row * vocabulary..<(row + 1) * vocabulary].map(Double.init)
      let largest = line.reduce(-Double.infinity, max)
      let denominator = line.reduce(0) { $0 + exp($1 - largest) }
      let expected = line[target] - largest - log(denominator)
      #expect(abs(Double(score.logProbability) - expected) <= exact.logits)
      #expect(score.isGreedy == (line.firstIndex(of: largest) == target))
    }

    let decoder = try model.makeDecoder(capacity: 24)
    let tokens = Array(batch.inputs[0..<24])
    for range in [0..<7, 7..<8, 8..<9, 9..<24] {
      let last = try decoder.append(Array(tokens[range]))
      let row = range.upperBound - 1
      let expected = logits[row * vocabulary..<(row + 1) * vocabulary].map(Double.init)
      #expect(relativeError(last, expected) <= exact.logits, "position \(row)")
    }
    #expect(decoder.count == 24)
    #expect(throws: (any Error).self) { try decoder.append([1]) }
  }
}
