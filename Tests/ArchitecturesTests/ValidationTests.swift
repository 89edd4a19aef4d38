// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing

@Suite("Validation") struct ValidationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var field: String
    var base = SmallModel.llama
    var change: @Sendable (inout ModelConfiguration) -> Void
    var testDescription: String { field }
  }

  static let cases = [
    Case(field: "hiddenSize") { $0.hiddenSize = 0 },
    Case(field: "hiddenSize") { $0.hiddenSize = .max },
    Case(field: "headCount") { $0.headCount = -4 },
    Case(field: "headCount") { $0.headCount = .min },
    Case(field: "keyValueHeadCount") { $0.keyValueHeadCount = 3 },
    Case(field: "keyValueHeadCount") { $0.keyValueHeadCount = 0 },
    Case(field: "headSize") { $0.headSize = 5 },
    Case(field: "headSize") {
      $0.headCount = 1 << 28
      $0.headSize = 1 << 28
    },
    Case(field: "intermediateSize") { $0.intermediateSize = -1 },
    Case(field: "vocabularySize") { $0.vocabularySize = 1 << 29 },
    Case(field: "contextLength") { $0.contextLength = 0 },
    Case(field: "layerCount") { $0.layerCount = -1 },
    Case(field: "layerCount") { $0.layerCount = .max },
    Case(field: "layerCount") {
      $0.layerCount = 65536
      $0.hiddenSize = 1 << 28
      $0.intermediateSize = 1 << 28
      $0.headCount = 1
      $0.keyValueHeadCount = 1
      $0.headSize = 1 << 28
    },
    Case(field: "layerCount") {
      $0.hiddenSize = 1 << 28
      $0.vocabularySize = 1 << 28
    },
    Case(field: "normEpsilon") { $0.normEpsilon = -1e-6 },
    Case(field: "normEpsilon") { $0.normEpsilon = .nan },
    Case(field: "normEpsilon") { $0.normEpsilon = 1e39 },
    Case(field: "logitScale") { $0.logitScale = .infinity },
    Case(field: "logitScale") { $0.logitScale = -1 },
    Case(field: "dropout.attention") { $0.dropout.attention = 1.5 },
    Case(field: "dropout.residual") { $0.dropout.residual = .nan },
    Case(field: "rotary.base") { $0.rotary = RotaryEmbedding(base: 0) },
    Case(field: "rotary.scaling.factor") {
      $0.rotary = RotaryEmbedding(scaling: .linear(factor: 0))
    },
    Case(field: "rotary.scaling.lowFrequencyFactor") {
      $0.rotary = RotaryEmbedding(
        scaling: .llama3(
          factor: 8, lowFrequencyFactor: 4, highFrequencyFactor: 4, originalContextLength: 8))
    },
    Case(field: "rotary.scaling.originalContextLength") {
      $0.rotary = RotaryEmbedding(
        scaling: .llama3(
          factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 0))
    },
    Case(field: "rotary", base: SmallModel.gpt2) { $0.rotary = RotaryEmbedding() },
  ]

  @Test("What no model can have is named", arguments: cases)
  func invalid(test: Case) throws {
    var configuration = test.base
    test.change(&configuration)
    for action in [
      { try configuration.validate() },
      { _ = try configuration.program() },
      { _ = try configuration.parameterCount() },
      { _ = try configuration.floatingPointOperations(sequenceLength: 1 << 40) },
    ] {
      let error = #expect(throws: ArchitecturesError.self) { try action() }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.subject == test.field)
    }
  }

  @Test("The largest models that pass can be counted")
  func largest() throws {
    var configuration = SmallModel.llama
    configuration.layerCount = 65536
    configuration.hiddenSize = 16384
    configuration.intermediateSize = 32768
    let count = try configuration.parameterCount()
    #expect(count.total > 1 << 46)
    let operations = try configuration.floatingPointOperations(sequenceLength: .max)
    #expect(operations.training.isFinite && operations.attention > 1e25)
  }

  @Test("No block at all is a model", arguments: SmallModel.all)
  func noBlocks(configuration: ModelConfiguration) throws {
    var shallow = configuration
    shallow.layerCount = 0
    #expect(try shallow.program().operations.count >= 3)
  }
}
