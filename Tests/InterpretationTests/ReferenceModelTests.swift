// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import OperationCases
import Tensors
import Testing
import Text
import Training

@Suite("Reference model") struct ReferenceModelTests {
  /// Small models of both families, with everything optional on.
  static let configurations = [
    ModelConfiguration(
      architecture: .gpt2, layerCount: 1, hiddenSize: 6, headCount: 2, headSize: 2,
      intermediateSize: 5, vocabularySize: 7, contextLength: 4, normEpsilon: 0.01, tiesHead: true,
      logitScale: 0.5, dropout: DropoutRates(embedding: 0.2, attention: 0.3, residual: 0.25)),
    ModelConfiguration(
      architecture: .llama, layerCount: 1, hiddenSize: 6, headCount: 4, keyValueHeadCount: 2,
      headSize: 2, intermediateSize: 5, vocabularySize: 7, contextLength: 4, normEpsilon: 0.01,
      rotary: RotaryEmbedding(base: 20), tiesHead: false, logitScale: 2,
      dropout: DropoutRates(embedding: 0.2, attention: 0.3, residual: 0.25)),
  ]

  private let batch = TokenBatch(
    sequenceCount: 2, sequenceLength: 4, inputs: [0, 3, 6, 1, 5, 5, 2, 4],
    targets: [3, 6, -1, 2, 5, 2, 4, 0])
  private let key = DropoutKey(seed: 3, step: 5, microBatch: 1)

  private func model(_ configuration: ModelConfiguration) throws -> ReferenceModel {
    let program = try configuration.program()
    var draws = Draws(seed: 11)
    return try ReferenceModel(
      program: program,
      parameters: program.parameters.map { draws.values($0.shape.elementCount) })
  }

  @Test("Every gradient, with dropout, by finite differences", arguments: configurations)
  func gradients(configuration: ModelConfiguration) throws {
    let model = try model(configuration)
    let analytic = try model.lossAndGradients(batch, dropoutKey: key).gradients
    for (index, spec) in model.program.parameters.enumerated() {
      let numerical = try numericalGradient(model.parameters[index]) {
        var moved = model
        moved.parameters[index] = $0
        return try moved.loss(batch, dropoutKey: key).mean
      }
      #expect(relativeError(analytic[index], numerical) < 1e-7, "\(spec.name)")
    }
  }

  @Test("No later token changes an earlier logit", arguments: configurations)
  func causality(configuration: ModelConfiguration) throws {
    let model = try model(configuration)
    var other = batch
    other.inputs[3] = 2
    let (a, b) = (try model.logits(batch), try model.logits(other))
    #expect(a[0..<21] == b[0..<21])
    #expect(a[21..<28] != b[21..<28])
    #expect(a[28...] == b[28...])
  }

  @Test("Dropout is fixed by its key, and off without one", arguments: configurations)
  func dropout(configuration: ModelConfiguration) throws {
    let model = try model(configuration)
    let loss = try model.loss(batch, dropoutKey: key)
    #expect(loss == (try model.loss(batch, dropoutKey: key)))
    #expect(loss != (try model.loss(batch)))
    var next = key
    next.microBatch += 1
    #expect(loss != (try model.loss(batch, dropoutKey: next)))
    var without = configuration
    without.dropout = .none
    #expect(try model.loss(batch) == self.model(without).loss(batch, dropoutKey: key))
  }

  @Test("Micro-batches with a common normalizer add up to the batch")
  func microBatches() throws {
    let model = try model(Self.configurations[1])
    let whole = try model.lossAndGradients(batch)
    let parts = try [0..<1, 1..<2].map {
      try model.lossAndGradients(batch.sequences($0), normalizer: Double(batch.targetCount))
    }
    #expect(parts[0].loss.targetCount + parts[1].loss.targetCount == batch.targetCount)
    #expect(abs(parts[0].loss.total + parts[1].loss.total - whole.loss.total) < 1e-12)
    for index in whole.gradients.indices {
      let sum = zip(parts[0].gradients[index], parts[1].gradients[index]).map { $0 + $1 }
      #expect(relativeError(sum, whole.gradients[index]) < 1e-13)
    }
  }

  @Test("A batch without targets has no loss and no gradient")
  func noTargets() throws {
    let model = try model(Self.configurations[0])
    var silent = batch
    silent.targets = batch.targets.map { _ in -1 }
    let result = try model.lossAndGradients(silent)
    #expect(result.loss == LossSum(total: 0, targetCount: 0))
    #expect(result.gradients.allSatisfy { $0.allSatisfy { $0 == 0 } })
  }

  @Test("What does not fit is an error")
  func errors() throws {
    let model = try model(Self.configurations[0])
    var wrong = batch
    wrong.inputs[2] = 7
    #expect(throws: InterpretationError.self) { try model.logits(wrong) }
    wrong = batch
    wrong.targets[2] = -2
    #expect(throws: InterpretationError.self) { try model.logits(wrong) }
    let long = TokenBatch(
      sequenceCount: 1, sequenceLength: 5, inputs: [0, 0, 0, 0, 0], targets: [0, 0, 0, 0, 0])
    #expect(throws: InterpretationError.self) { try model.logits(long) }
    var parameters = model.parameters
    parameters[1].removeLast()
    #expect(throws: InterpretationError.self) {
      try ReferenceModel(program: model.program, parameters: parameters)
    }
    parameters.removeLast()
    #expect(throws: InterpretationError.self) {
      try ReferenceModel(program: model.program, parameters: parameters)
    }
  }

  @Test("A decoder's logits are the last row of the whole sequence's")
  func decoder() throws {
    let model = try model(Self.configurations[1])
    let tensors = zip(model.program.parameters, model.parameters).map {
      HostTensor($1.map { Float($0) }, shape: $0.shape)
    }
    let language = try Float64Engine().makeLanguageModel(
      for: model.program, parameters: tensors, precision: .fp32)
    let decoder = try language.makeDecoder(capacity: 4)
    _ = try decoder.append([0, 3])
    let logits = try decoder.append([6, 1])
    #expect(decoder.count == 4)
    #expect(logits == Array(try language.logits(batch).floats[21..<28]))
    #expect(throws: InterpretationError.self) { try decoder.append([1]) }

    let scores = try language.score(batch)
    let total = scores.reduce(0) { $0 - Double($1.logProbability) }
    #expect(abs(total - (try model.loss(batch).total)) < 1e-5)
    #expect(scores[2] == TokenScore(logProbability: 0, isGreedy: false))
  }
}
