// SPDX-License-Identifier: Apache-2.0
import Architectures
import GoldenModels
import Interpretation
import SeededRandom
import Tensors
import Text

/// A model to be grown, with what it computes for a batch in float64.
struct SmallModel: Sendable {
  var configuration: ModelConfiguration
  var values: [[Double]]
  var batch: TokenBatch
  var result: ReferenceModel.Result

  init(_ configuration: ModelConfiguration, values: [[Double]], batch: TokenBatch) throws {
    self.configuration = configuration
    self.values = values
    self.batch = batch
    result = try ReferenceModel(program: configuration.program(), parameters: values)
      .lossAndGradients(batch)
  }

  init(_ golden: GoldenModel) throws {
    try self.init(
      golden.configuration(), values: golden.parameters().map { $0.floats.map(Double.init) },
      batch: golden.batch(0))
  }

  init(_ golden: FamilyGolden) throws {
    try self.init(
      golden.directory().configuration.model, values: golden.values(), batch: golden.batch())
  }

  /// Random values that are large enough for every part of the model to matter.
  init(_ configuration: ModelConfiguration, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let values = try configuration.program().parameters.map { spec in
      (0..<spec.shape.elementCount).map { _ -> Double in
        let value = Double.random(in: -1...1, using: &random)
        if case .normGain = spec.role { return 1 + value / 2 }
        return value / 2
      }
    }
    try self.init(
      configuration, values: values, batch: .random(of: configuration, seed: seed))
  }
}

extension TokenBatch {
  /// Sequences as long as the context, at least two and enough for each token to occur.
  static func random(of model: ModelConfiguration, seed: UInt64) -> TokenBatch {
    var random = SplitMix64(seed: seed &+ 1)
    let sequences = max(2, (model.vocabularySize - 1) / model.contextLength + 1)
    let count = sequences * model.contextLength
    let tokens = (0..<count).map { Int32($0 % model.vocabularySize) }
    return TokenBatch(
      sequenceCount: sequences, sequenceLength: model.contextLength,
      inputs: tokens.shuffled(using: &random), targets: tokens.shuffled(using: &random))
  }
}

extension ModelConfiguration {
  /// A small model of a family.
  static func small(
    _ architecture: Architecture, tiesHead: Bool, layers: Int = 2, hidden: Int = 8,
    heads: Int = 2, keyValueHeads: Int? = nil, headSize: Int = 4, inner: Int = 7
  ) -> ModelConfiguration {
    ModelConfiguration(
      architecture: architecture, layerCount: layers, hiddenSize: hidden, headCount: heads,
      keyValueHeadCount: keyValueHeads, headSize: headSize, intermediateSize: inner,
      vocabularySize: 11, contextLength: 7, normEpsilon: 1e-2,
      rotary: architecture == .llama ? RotaryEmbedding(base: 20) : nil, tiesHead: tiesHead)
  }

  /// Models of all families, head ties and groupings, from a seed.
  static func random(seed: UInt64) -> ModelConfiguration {
    var random = SplitMix64(seed: seed)
    let groups = Int.random(in: 1...3, using: &random)
    let architecture: Architecture = seed.isMultiple(of: 2) ? .gpt2 : .llama
    var model = ModelConfiguration.small(
      architecture, tiesHead: (seed / 2).isMultiple(of: 2),
      layers: Int.random(in: 1...2, using: &random), hidden: Int.random(in: 3...13, using: &random),
      heads: groups * Int.random(in: 1...3, using: &random), keyValueHeads: groups,
      headSize: 2 * Int.random(in: 1...3, using: &random),
      inner: Int.random(in: 1...9, using: &random))
    if architecture == .gpt2, Bool.random(using: &random) { model.headSize += 1 }
    return model
  }

  /// Every family with both kinds of head.
  static let families: [ModelConfiguration] = Architecture.allCases.flatMap { architecture in
    [true, false].map { .small(architecture, tiesHead: $0) }
  }
}
