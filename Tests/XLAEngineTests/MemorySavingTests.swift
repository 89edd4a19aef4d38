// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import OperationCases
import Tensors
import Testing
import Text
import Training
import XLAEngine

/// Attention in blocks, and values that are computed again: the same numbers, in less memory.
@Suite(
  "Saving memory on XLA",
  .enabled(if: InstalledPlugin.path != nil, Comment(rawValue: InstalledPlugin.advice)))
struct MemorySavingTests {
  private let engine: XLATrainingEngine
  private static let key = DropoutKey(seed: 3, step: 5, microBatch: 1)

  init() throws {
    engine = try XLATrainingEngine(
      plugin: try #require(InstalledPlugin.path), executables: nil)
  }

  /// ‖found − expected‖ / ‖expected‖; nothing where both are zero.
  private func distance(_ found: [Float], _ expected: [Double]) -> Double {
    if zip(found, expected).allSatisfy({ $0 == 0 && $1 == 0 }) { return 0 }
    return relativeError(found, expected)
  }

  @Test("Attention in blocks, against the interpreter", arguments: OperationCase.attentions, [2])
  func attentions(_ test: OperationCase, _ size: Int) throws {
    var engine = engine
    engine.attention = AttentionBlocks(size: size, longestWhole: 0)
    let (model, batch) = (test.model, test.model.batch)
    let states = zip(model.program.parameters, model.parameters).map {
      ParameterState(value: HostTensor($1.map { Float($0) }, shape: $0.shape))
    }
    let session = try engine.makeSession(
      for: model.program, parameters: states, precision: .fp32)
    let loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount, dropoutKey: Self.key)
    let rounded = model.parameters.map { $0.map { Double(Float($0)) } }
    let exact = try ReferenceModel(program: model.program, parameters: rounded)
      .lossAndGradients(batch, dropoutKey: Self.key)
    #expect(abs(loss.total - exact.loss.total) <= 1e-6 * exact.loss.total)
    for (index, (ours, theirs)) in zip(try session.gradients(), exact.gradients).enumerated() {
      let error = distance(ours.floats, theirs)
      #expect(error < 1e-5, "parameter \(index): \(error)")
    }
  }

  /// A small model of a family, with dropout where the family has it.
  private static func model(_ family: Architecture, context: Int) -> ModelConfiguration {
    let isGPT2 = family == .gpt2
    let rates = DropoutRates(embedding: 0.1, attention: 0.1, residual: 0.1)
    return ModelConfiguration(
      architecture: family, layerCount: 2, hiddenSize: 32, headCount: 4,
      keyValueHeadCount: isGPT2 ? 4 : 2, headSize: 8, intermediateSize: 48, vocabularySize: 61,
      contextLength: context, rotary: isGPT2 ? nil : RotaryEmbedding(), tiesHead: true,
      dropout: isGPT2 ? rates : .none)
  }

  private func gradients(
    _ engine: XLATrainingEngine, _ configuration: ModelConfiguration, _ precision: Precision,
    sequences: Int = 2
  ) throws -> (loss: Double, gradients: [[Float]]) {
    let program = try configuration.program()
    var draws = Draws(seed: 7)
    let states = program.parameters.map { spec in
      ParameterState(
        value: HostTensor(
          draws.values(spec.shape.elementCount).map { (value: Double) in Float(value / 4) },
          shape: spec.shape))
    }
    let session = try engine.makeSession(
      for: program, parameters: states, precision: precision)
    let length = configuration.contextLength
    let tokens = (0..<sequences * length).map { index -> Int32 in
      Int32((index * 31 + index / 7) % 61)
    }
    let batch = TokenBatch(
      sequenceCount: sequences, sequenceLength: length, inputs: tokens,
      targets: Array(tokens.reversed()))
    let loss = try session.accumulateGradients(
      of: batch, normalizer: batch.targetCount, dropoutKey: Self.key)
    return (loss.mean, try session.gradients().map(\.floats))
  }

  @Test(
    "Whole models in blocks, and with values computed again",
    arguments: [(Architecture.gpt2, 24, 8), (.gpt2, 23, 8), (.llama, 18, 5)])
  func models(_ test: (family: Architecture, context: Int, block: Int)) throws {
    let configuration = Self.model(test.family, context: test.context)
    let whole = try gradients(engine, configuration, .fp32)
    var blocked = engine
    blocked.attention = AttentionBlocks(size: test.block, longestWhole: 0)
    var saving = blocked
    saving.recomputesActivations = true
    for (name, engine) in [("blocks", blocked), ("both", saving)] {
      let found = try gradients(engine, configuration, .fp32)
      #expect(abs(found.loss - whole.loss) <= 1e-6 * whole.loss, "\(name)")
      for (index, (ours, theirs)) in zip(found.gradients, whole.gradients).enumerated() {
        let error = distance(ours, theirs.map(Double.init))
        #expect(error < 1e-5, "\(name), parameter \(index): \(error)")
      }
    }
  }

  @Test("In bfloat16 blocks stay near to float32")
  func bfloat16() throws {
    let configuration = Self.model(.llama, context: 40)
    let exact = try gradients(engine, configuration, .fp32)
    var blocked = engine
    blocked.attention = AttentionBlocks(size: 16, longestWhole: 0)
    blocked.recomputesActivations = true
    let found = try gradients(blocked, configuration, .bf16)
    for (index, (ours, theirs)) in zip(found.gradients, exact.gradients).enumerated() {
      let error = distance(ours, theirs.map(Double.init))
      #expect(error < 3e-2, "parameter \(index): \(error)")
    }
  }

  private func temporaries(
    _ engine: XLATrainingEngine, _ configuration: ModelConfiguration, sequences: Int
  ) throws -> Int {
    _ = try gradients(engine, configuration, .fp32, sequences: sequences)
    return try #require(engine.compilations.last?.memory?.temporaries)
  }

  @Test("Attention's memory grows with the length of sequences, not with its square")
  func linear() throws {
    let sizes = try [512, 1024].map { context -> Int in
      var blocked = engine
      blocked.attention = AttentionBlocks(size: 64, longestWhole: 0)
      return try temporaries(blocked, Self.model(.llama, context: context), sequences: 1)
    }
    #expect(Double(sizes[1]) < 2.3 * Double(sizes[0]), "\(sizes)")
    var whole = engine
    whole.attention = AttentionBlocks(longestWhole: .max)
    let all = try temporaries(whole, Self.model(.llama, context: 1024), sequences: 1)
    #expect(sizes[1] < all / 4, "\(sizes[1]) of \(all)")
  }

  @Test("Computing values again takes less memory")
  func recomputing() throws {
    var configuration = Self.model(.llama, context: 128)
    configuration.layerCount = 6
    let kept = try temporaries(engine, configuration, sequences: 4)
    var saving = engine
    saving.recomputesActivations = true
    let again = try temporaries(saving, configuration, sequences: 4)
    #expect(again < kept / 2, "\(again) of \(kept)")
  }
}
