// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// The families that recipes name: those whose programs the engines train.
public enum Architecture: String, Sendable, Hashable, CaseIterable, Codable {
  case gpt2, llama

  /// What the family is.
  public var family: DecoderFamily {
    switch self {
    case .gpt2: .gpt2
    case .llama: .llama
    }
  }
}

/// Everything that fixes a model's function but its parameters' values.
///
/// All sizes are counts of units; `headSize` is free of `hiddenSize / headCount`, since growth may
/// change either alone.
public struct ModelConfiguration: Sendable, Hashable {
  /// The family.
  public var family: DecoderFamily {
    get { sharedFamily.family }
    set { sharedFamily = .of(newValue) }
  }
  /// The family behind a reference, since searches copy and compare many configurations.
  private var sharedFamily: SharedFamily
  /// What the blocks compute: the family's traits, but where the model's `config.json` says otherwise.
  public var traits: DecoderTraits
  /// Transformer blocks; zero is a model of embedding, final norm and head.
  public var layerCount: Int
  /// Width of the residual stream.
  public var hiddenSize: Int
  /// Query heads.
  public var headCount: Int
  /// Key/value heads, a divisor of `headCount`.
  public var keyValueHeadCount: Int
  /// Width of one head.
  public var headSize: Int
  /// Inner width of the feed-forward.
  public var intermediateSize: Int
  /// Tokens in the vocabulary.
  public var vocabularySize: Int
  /// Positions the model is trained for.
  public var contextLength: Int
  /// ε inside the norms' root.
  public var normEpsilon: Double
  /// Rotary embedding; nil for learned positions.
  public var rotary: RotaryEmbedding?
  /// Whether the head reuses the token embedding.
  public var tiesHead: Bool
  /// The factor on the logits; 1 but for some grown models.
  public var logitScale: Double
  /// Dropout rates in training.
  public var dropout: DropoutRates

  /// Makes a configuration; ``validate()`` checks it.
  ///
  /// - Parameter traits: nil for the family's.
  public init(
    family: DecoderFamily, traits: DecoderTraits? = nil, layerCount: Int, hiddenSize: Int,
    headCount: Int, keyValueHeadCount: Int? = nil, headSize: Int? = nil, intermediateSize: Int,
    vocabularySize: Int, contextLength: Int, normEpsilon: Double = 1e-5,
    rotary: RotaryEmbedding? = nil, tiesHead: Bool, logitScale: Double = 1,
    dropout: DropoutRates = .none
  ) {
    sharedFamily = .of(family)
    self.traits = traits ?? family.traits
    self.layerCount = layerCount
    self.hiddenSize = hiddenSize
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount ?? headCount
    self.headSize = headSize ?? (headCount > 0 ? hiddenSize / headCount : 0)
    self.intermediateSize = intermediateSize
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.normEpsilon = normEpsilon
    self.rotary = rotary
    self.tiesHead = tiesHead
    self.logitScale = logitScale
    self.dropout = dropout
  }

  /// Makes a configuration of a family that recipes name.
  public init(
    architecture: Architecture, layerCount: Int, hiddenSize: Int, headCount: Int,
    keyValueHeadCount: Int? = nil, headSize: Int? = nil, intermediateSize: Int,
    vocabularySize: Int, contextLength: Int, normEpsilon: Double = 1e-5,
    rotary: RotaryEmbedding? = nil, tiesHead: Bool, logitScale: Double = 1,
    dropout: DropoutRates = .none
  ) {
    self.init(
      family: architecture.family, layerCount: layerCount, hiddenSize: hiddenSize,
      headCount: headCount, keyValueHeadCount: keyValueHeadCount, headSize: headSize,
      intermediateSize: intermediateSize, vocabularySize: vocabularySize,
      contextLength: contextLength, normEpsilon: normEpsilon, rotary: rotary, tiesHead: tiesHead,
      logitScale: logitScale, dropout: dropout)
  }

  /// The factor on token vectors.
  public var embeddingScale: Double {
    traits.scalesEmbedding ? Double(hiddenSize).squareRoot() : 1
  }
}

/// A family that many configurations hold.
private final class SharedFamily: Sendable, Hashable {
  let family: DecoderFamily
  private static let known = DecoderFamily.known.map { SharedFamily($0) }

  private init(_ family: DecoderFamily) { self.family = family }

  static func of(_ family: DecoderFamily) -> SharedFamily {
    known.first { $0.family == family } ?? SharedFamily(family)
  }

  static func == (left: SharedFamily, right: SharedFamily) -> Bool {
    left === right || left.family == right.family
  }

  func hash(into hasher: inout Hasher) { hasher.combine(family.name) }
}

extension ModelConfiguration: Codable {
  private enum CodingKeys: String, CodingKey {
    case architecture, family, traits, layerCount, hiddenSize, headCount, keyValueHeadCount,
      headSize
    case intermediateSize, vocabularySize, contextLength, normEpsilon, rotary, tiesHead, logitScale
    case dropout
  }

  /// Reads a configuration; of a known family its name is enough.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    let name = try keys.decode(String.self, forKey: .architecture)
    guard
      let family = try keys.decodeIfPresent(DecoderFamily.self, forKey: .family)
        ?? DecoderFamily.named(name)
    else {
      throw DecodingError.dataCorruptedError(
        forKey: .architecture, in: keys,
        debugDescription: "\(name) is no known family, and has no description")
    }
    self.init(
      family: family,
      traits: try keys.decodeIfPresent(DecoderTraits.self, forKey: .traits),
      layerCount: try keys.decode(Int.self, forKey: .layerCount),
      hiddenSize: try keys.decode(Int.self, forKey: .hiddenSize),
      headCount: try keys.decode(Int.self, forKey: .headCount),
      keyValueHeadCount: try keys.decode(Int.self, forKey: .keyValueHeadCount),
      headSize: try keys.decode(Int.self, forKey: .headSize),
      intermediateSize: try keys.decode(Int.self, forKey: .intermediateSize),
      vocabularySize: try keys.decode(Int.self, forKey: .vocabularySize),
      contextLength: try keys.decode(Int.self, forKey: .contextLength),
      normEpsilon: try keys.decode(Double.self, forKey: .normEpsilon),
      rotary: try keys.decodeIfPresent(RotaryEmbedding.self, forKey: .rotary),
      tiesHead: try keys.decode(Bool.self, forKey: .tiesHead),
      logitScale: try keys.decode(Double.self, forKey: .logitScale),
      dropout: try keys.decode(DropoutRates.self, forKey: .dropout))
  }

  /// Writes the configuration; of the family no more than is not known, of the traits no more than is
  /// not the family's.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: CodingKeys.self)
    try keys.encode(family.name, forKey: .architecture)
    if DecoderFamily.named(family.name) != family { try keys.encode(family, forKey: .family) }
    if traits != family.traits { try keys.encode(traits, forKey: .traits) }
    try keys.encode(layerCount, forKey: .layerCount)
    try keys.encode(hiddenSize, forKey: .hiddenSize)
    try keys.encode(headCount, forKey: .headCount)
    try keys.encode(keyValueHeadCount, forKey: .keyValueHeadCount)
    try keys.encode(headSize, forKey: .headSize)
    try keys.encode(intermediateSize, forKey: .intermediateSize)
    try keys.encode(vocabularySize, forKey: .vocabularySize)
    try keys.encode(contextLength, forKey: .contextLength)
    try keys.encode(normEpsilon, forKey: .normEpsilon)
    try keys.encodeIfPresent(rotary, forKey: .rotary)
    try keys.encode(tiesHead, forKey: .tiesHead)
    try keys.encode(logitScale, forKey: .logitScale)
    try keys.encode(dropout, forKey: .dropout)
  }
}

/// Rotary position embedding (Su et al., "RoFormer", arXiv 2104.09864), in halves: component j of a
/// head turns together with component j + headSize / 2.
///
/// Where only a share of the head turns, it is the
/// first components, and the halves are theirs.
public struct RotaryEmbedding: Sendable, Hashable {
  /// How published checkpoints stretch the frequencies to longer contexts.
  public enum Scaling: Sendable, Hashable, Codable {
    case none
    /// All frequencies divided by `factor`.
    case linear(factor: Double)
    /// Llama 3.1: low frequencies divided by `factor`, high ones kept, smooth between.
    case llama3(
      factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double,
      originalContextLength: Int)
  }
  /// θ: pair j of a head turns by position · θ^(−2j / headSize) radians.
  public var base: Double
  /// The stretch.
  public var scaling: Scaling
  /// The share of a head that turns.
  public var fraction: Double

  /// Makes a rotary embedding.
  public init(base: Double = 10000, scaling: Scaling = .none, fraction: Double = 1) {
    self.base = base
    self.scaling = scaling
    self.fraction = fraction
  }

  /// How many of a head's components turn: the first ones.
  public func turnedSize(headSize: Int) -> Int { Int(bounding: Double(headSize) * fraction) }
}

extension RotaryEmbedding: Codable {
  private enum CodingKeys: String, CodingKey { case base, scaling, fraction }

  /// Reads an embedding; without a fraction all of a head turns.
  public init(from decoder: any Decoder) throws {
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      base: try keys.decode(Double.self, forKey: .base),
      scaling: try keys.decode(Scaling.self, forKey: .scaling),
      fraction: try keys.decodeIfPresent(Double.self, forKey: .fraction) ?? 1)
  }

  /// Writes the embedding; the fraction only where it is not all.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: CodingKeys.self)
    try keys.encode(base, forKey: .base)
    try keys.encode(scaling, forKey: .scaling)
    if fraction != 1 { try keys.encode(fraction, forKey: .fraction) }
  }
}

/// Rates at which training zeroes activations, each in 0 ..< 1.
public struct DropoutRates: Sendable, Hashable, Codable {
  /// After the embeddings.
  public var embedding: Double
  /// On the attention weights.
  public var attention: Double
  /// On each branch before it joins the residual stream.
  public var residual: Double

  /// Makes rates.
  public init(embedding: Double = 0, attention: Double = 0, residual: Double = 0) {
    self.embedding = embedding
    self.attention = attention
    self.residual = residual
  }

  /// No dropout.
  public static let none = DropoutRates()
}
