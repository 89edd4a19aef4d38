// SPDX-License-Identifier: Apache-2.0
import Architectures

/// The recipe's `model`: a transformer's sizes, with the vocabulary left to the tokenizer.
public struct ModelRecipe: Sendable, Hashable {
  /// The family.
  public var architecture: Architecture
  /// Transformer blocks.
  public var layerCount: Int
  /// Width of the residual stream.
  public var hiddenSize: Int
  /// Query heads.
  public var headCount: Int
  /// Positions the model is trained for.
  public var contextLength: Int
  /// Tokens in the vocabulary, at least the tokenizer's; nil for the tokenizer's.
  public var vocabularySize: Int?
  /// Key/value heads; nil for one per query head.
  public var keyValueHeadCount: Int?
  /// Width of one head; nil for `hiddenSize / headCount`.
  public var headSize: Int?
  /// Inner width of the feed-forward; nil for ``defaultIntermediateSize``.
  public var intermediateSize: Int?
  /// Whether the head reuses the token embedding; nil for the family's custom: GPT-2 does, Llama
  /// does not.
  public var tiesHead: Bool?
  /// Dropout rates in training.
  public var dropout: DropoutRates
  /// θ of Llama's rotary embedding; nil for 10000.
  public var rotaryBase: Double?
  /// ε inside the norms' root.
  public var normEpsilon: Double

  /// Makes a model's sizes.
  public init(
    architecture: Architecture, layerCount: Int, hiddenSize: Int, headCount: Int,
    contextLength: Int, vocabularySize: Int? = nil, keyValueHeadCount: Int? = nil,
    headSize: Int? = nil, intermediateSize: Int? = nil, tiesHead: Bool? = nil,
    dropout: DropoutRates = .none, rotaryBase: Double? = nil, normEpsilon: Double = 1e-5
  ) {
    self.architecture = architecture
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.headCount = headCount
    self.contextLength = contextLength
    self.vocabularySize = vocabularySize
    self.keyValueHeadCount = keyValueHeadCount
    self.headSize = headSize
    self.intermediateSize = intermediateSize
    self.tiesHead = tiesHead
    self.dropout = dropout
    self.rotaryBase = rotaryBase
    self.normEpsilon = normEpsilon
  }

  /// The inner width where the recipe names none: 4 · hidden for GPT-2; for Llama 8/3 · hidden,
  /// rounded up to a multiple of 256, or of 32 below a hidden size of 1024 (Touvron et al.,
  /// arXiv 2302.13971, section 2.2, and their reference code).
  public var defaultIntermediateSize: Int {
    switch architecture {
    case .gpt2: return 4 * hiddenSize
    case .llama:
      let multiple = hiddenSize < 1024 ? 32 : 256
      return (8 * hiddenSize / 3 + multiple - 1) / multiple * multiple
    }
  }

  /// The full configuration for a tokenizer.
  ///
  /// - Throws: ``StagingError`` where the vocabulary is smaller than the tokenizer's, and
  ///   `ArchitecturesError` where the sizes contradict each other.
  public func configuration(tokenizerVocabularySize: Int) throws -> ModelConfiguration {
    let vocabulary = vocabularySize ?? tokenizerVocabularySize
    guard vocabulary >= tokenizerVocabularySize else {
      throw StagingError(
        .invalidValue,
        "\(vocabulary) is less than the tokenizer's \(tokenizerVocabularySize); raise it, or leave "
          + "it out to take the tokenizer's", subject: "model.vocabulary")
    }
    let configuration = ModelConfiguration(
      architecture: architecture, layerCount: layerCount, hiddenSize: hiddenSize,
      headCount: headCount, keyValueHeadCount: keyValueHeadCount, headSize: headSize,
      intermediateSize: intermediateSize ?? defaultIntermediateSize, vocabularySize: vocabulary,
      contextLength: contextLength, normEpsilon: normEpsilon,
      rotary: architecture == .llama ? RotaryEmbedding(base: rotaryBase ?? 10000) : nil,
      tiesHead: tiesHead ?? (architecture == .gpt2), dropout: dropout)
    try configuration.validate()
    return configuration
  }
}

extension ModelRecipe {
  /// The sizes that stages, plans and rates follow from, with as many tokens as the recipe names, or one.
  ///
  /// Nothing that counts embeddings may be asked of it; ``RunModels`` says which it has.
  ///
  /// - Throws: `ArchitecturesError` where the sizes contradict each other.
  func outline() throws -> ModelConfiguration {
    try configuration(tokenizerVocabularySize: vocabularySize ?? 1)
  }
}

extension ModelRecipe: RecipeSection {
  static let blank = ModelRecipe(
    architecture: .gpt2, layerCount: 0, hiddenSize: 1, headCount: 1, contextLength: 1)

  static var fields: [RecipeField<Self>] {
    [
      .field("architecture", \.architecture, .word, required: "gpt2 or llama"),
      .field("layers", \.layerCount, .layers, required: "the number of transformer blocks"),
      .field("hidden", \.hiddenSize, .size, required: "the width of the residual stream"),
      .field("heads", \.headCount, .size, required: "the number of attention heads"),
      .field("context", \.contextLength, .size, required: "the number of positions"),
      .optional("vocabulary", \.vocabularySize, .size),
      .optional("keyValueHeads", \.keyValueHeadCount, .size),
      .optional("headSize", \.headSize, .size),
      .optional("intermediate", \.intermediateSize, .size),
      .optional("tieHead", \.tiesHead, .flag),
      .field("dropout", \.dropout, .section),
      .optional("ropeBase", \.rotaryBase, .positive),
      .field(
        "normEpsilon", \.normEpsilon, .number("a number between 0 and 1") { $0 > 0 && $0 < 1 }),
    ]
  }

  init(_ value: RecipeValue) throws {
    let keys: RecipeMapping
    (self, keys) = try Self.read(value)
    try checkHeads(keys)
    try checkFamily(keys)
  }

  private func checkHeads(_ keys: RecipeMapping) throws {
    if headSize == nil, hiddenSize % headCount != 0 {
      throw (keys["heads"] ?? keys.value).conflict(
        "\(headCount) heads do not divide the hidden size \(hiddenSize); change one, or set "
          + "headSize")
    }
    if let count = keyValueHeadCount, headCount % count != 0 {
      throw (keys["keyValueHeads"] ?? keys.value).conflict(
        "\(count) does not divide the \(headCount) query heads")
    }
  }

  private func checkFamily(_ keys: RecipeMapping) throws {
    guard architecture == .gpt2 else {
      if (headSize ?? hiddenSize / headCount) % 2 != 0 {
        throw (keys["headSize"] ?? keys["heads"] ?? keys.value).conflict(
          "heads \(headSize ?? hiddenSize / headCount) wide; rotary positions turn pairs and need "
            + "an even width")
      }
      return
    }
    for key in ["keyValueHeads", "ropeBase"] {
      if let member = keys[key] {
        throw member.conflict("gpt2 has no \(key); remove it, or use architecture: llama")
      }
    }
    if let headSize, headSize * headCount != hiddenSize, let member = keys["headSize"] {
      throw member.conflict(
        "gpt2's heads share the hidden size \(hiddenSize), and \(headCount) of \(headSize) do not; leave headSize "
          + "out")
    }
  }
}

extension DropoutRates: RecipeSection {
  static let blank = DropoutRates.none

  static var fields: [RecipeField<Self>] {
    [
      .field("embedding", \.embedding, rate), .field("attention", \.attention, rate),
      .field("residual", \.residual, rate),
    ]
  }

  private static var rate: RecipeForm<Double> {
    .number("a rate from 0 to below 1") { (0..<1).contains($0) }
  }

  /// A number stands for all three.
  init(_ value: RecipeValue) throws {
    guard !value.isMapping else {
      self = try Self.read(value).part
      return
    }
    let all = try Self.rate.read(value)
    self.init(embedding: all, attention: all, residual: all)
  }
}
