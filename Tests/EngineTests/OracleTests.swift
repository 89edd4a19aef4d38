// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import SeededRandom
import Tensors
import Testing
import Text
import Training

/// Engines against the float64 reference, where PyTorch gives no golden: dropout, accumulated
/// micro-batches, and shapes that the fusions do not like.
@Suite("Against the float64 reference") struct OracleTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var configuration: ModelConfiguration
    var batch = (sequences: 3, length: 19)
  }

  private static let both = TestedEngine.all.flatMap { engine in
    Precision.allCases.map { (engine: engine, precision: $0) }
  }

  static let dropout = DropoutRates(embedding: 0.1, attention: 0.2, residual: 0.3)

  static let cases = [
    Case(
      testDescription: "GPT-2 with dropout",
      configuration: gpt2(layers: 2, dropout: dropout)),
    Case(
      testDescription: "Llama with dropout",
      configuration: llama(layers: 2, hidden: 24, dropout: dropout)),
    Case(testDescription: "GPT-2 without blocks", configuration: gpt2(layers: 0)),
    Case(testDescription: "Llama without blocks", configuration: llama(layers: 0, hidden: 24)),
    Case(
      testDescription: "Llama whose weights are not neighbours",
      configuration: llama(layers: 2, hidden: 18)),
    Case(
      testDescription: "grouped heads in GPT-2, logits scaled, head of its own",
      configuration: grouped),
    Case(
      testDescription: "one token", configuration: gpt2(layers: 1),
      batch: (sequences: 1, length: 1)),
    Case(
      testDescription: "more rows than a chunk of the head",
      configuration: llama(layers: 1, hidden: 8, context: 512),
      batch: (sequences: 3, length: 500)),
  ]

  static func gpt2(layers: Int, dropout: DropoutRates = .none) -> ModelConfiguration {
    ModelConfiguration(
      architecture: .gpt2, layerCount: layers, hiddenSize: 20, headCount: 2,
      intermediateSize: 35, vocabularySize: 53, contextLength: 24, tiesHead: true,
      dropout: dropout)
  }

  static func llama(
    layers: Int, hidden: Int, context: Int = 24, dropout: DropoutRates = .none
  ) -> ModelConfiguration {
    ModelConfiguration(
      architecture: .llama, layerCount: layers, hiddenSize: hidden, headCount: 4,
      keyValueHeadCount: 2, headSize: 6, intermediateSize: 21, vocabularySize: 53,
      contextLength: context, rotary: RotaryEmbedding(), tiesHead: false, dropout: dropout)
  }

  static var grouped: ModelConfiguration {
    var configuration = gpt2(layers: 2)
    configuration.headCount = 4
    configuration.keyValueHeadCount = 2
    configuration.headSize = 5
    configuration.tiesHead = false
    configuration.logitScale = 0.5
    return configuration
  }

  @Test("loss and accumulated gradients", arguments: cases, both)
  func gradients(
    _ example: Case, _ tested: (engine: TestedEngine, precision: Precision)
  ) throws {
    let precision = tested.precision
    let program = try example.configuration.program()
    let states = randomStates(program, seed: 11)
    let batches = (0..<2).map { randomBatch(example, seed: UInt64($0)) }
    let normalizer = batches.reduce(0) { $0 + $1.targetCount }
    let engines: [any TrainingEngine] = [try tested.engine.make(), Float64Engine()]
    let results = try engines.map { engine in
      let session = try engine.makeSession(
        for: program, parameters: states, precision: precision)
      var loss = LossSum(total: 0, targetCount: 0)
      for (index, batch) in batches.enumerated() {
        loss =
          loss
          + (try session.accumulateGradients(
            of: batch, normalizer: normalizer,
            dropoutKey: DropoutKey(seed: 5, step: 3, microBatch: UInt32(index))))
      }
      return (loss, try session.gradients(), try session.gradientSquaredNorm())
    }
    let (ours, exact) = (results[0], results[1])
    let tolerance = Tolerances.of(precision).gradientsOfStrongWeights
    #expect(ours.0.targetCount == normalizer)
    #expect(abs(ours.0.mean - exact.0.mean) <= tolerance * exact.0.mean)
    #expect(abs(ours.2 / exact.2 - 1) <= 2 * tolerance)
    // The keys' biases and what one token attends to have no gradient but rounding noise.
    let total = exact.2.squareRoot()
    for (spec, pair) in zip(program.parameters, zip(ours.1, exact.1)) {
      let theirs = pair.1.floats.map(Double.init)
      let norm = theirs.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let difference = zip(pair.0.floats, theirs).reduce(0) {
        $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1)
      }.squareRoot()
      #expect(
        difference <= tolerance * max(norm, 1e-4 * total), "\(spec.name): \(difference / norm)")
    }
  }

  @Test(
    "an update after accumulated gradients, then a step of another shape",
    arguments: TestedEngine.all)
  func steps(_ tested: TestedEngine) throws {
    let example = Self.cases[1]
    let program = try example.configuration.program()
    let states = randomStates(program, seed: 3)
    let engines: [any TrainingEngine] = [try tested.make(), Float64Engine()]
    let losses = try engines.map { engine in
      let session = try engine.makeSession(for: program, parameters: states, precision: .fp32)
      var losses: [Double] = []
      for (step, shape) in [(3, 19), (1, 24), (5, 7), (3, 19)].enumerated() {
        let batch = randomBatch(
          Case(testDescription: "", configuration: example.configuration, batch: shape),
          seed: UInt64(step))
        for microBatch in 0..<2 {
          let loss = try session.accumulateGradients(
            of: batch, normalizer: 2 * batch.targetCount,
            dropoutKey: DropoutKey(seed: 1, step: UInt64(step), microBatch: UInt32(microBatch)))
          losses.append(loss.mean)
        }
        losses.append(try session.update(adamW(program, step: step + 1), clip: 0.5))
        losses.append(try session.loss(of: batch).mean)
      }
      return losses
    }
    for (ours, exact) in zip(losses[0], losses[1]) {
      #expect(abs(ours - exact) <= Tolerances.of(.fp32).loss * exact)
    }
  }

  private func randomBatch(_ example: Case, seed: UInt64) -> TokenBatch {
    var random = testData(seed)
    let count = example.batch.sequences * example.batch.length
    let vocabulary = Int32(example.configuration.vocabularySize)
    return TokenBatch(
      sequenceCount: example.batch.sequences, sequenceLength: example.batch.length,
      inputs: (0..<count).map { _ in .random(in: 0..<vocabulary, using: &random) },
      targets: (0..<count).map { $0 % 7 == 6 ? -1 : .random(in: 0..<vocabulary, using: &random) })
  }
}

/// Test data of neighbouring seeds, far apart.
func testData(_ seed: UInt64) -> SplitMix64 {
  SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ 1)
}
