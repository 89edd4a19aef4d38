// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents

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

/// In files of a known family the name is enough, and of the traits no more stands than is not the
/// family's.
extension ModelConfiguration: FieldCoded {
  package init(_ fields: FieldCoder, of old: ModelConfiguration?) throws {
    let name = try fields.required("architecture", old?.family.name)
    let known = DecoderFamily.named(name)
    let described = try fields.optional("family", old?.family == known ? nil : old?.family)
    guard let family = described ?? known else {
      throw fields.failure(
        "architecture", "\(name) is no known family, and has no description")
    }
    self.init(
      family: family,
      traits: try fields.optional("traits", old?.traits == family.traits ? nil : old?.traits),
      layerCount: try fields.required("layerCount", old?.layerCount),
      hiddenSize: try fields.required("hiddenSize", old?.hiddenSize),
      headCount: try fields.required("headCount", old?.headCount),
      keyValueHeadCount: try fields.required("keyValueHeadCount", old?.keyValueHeadCount),
      headSize: try fields.required("headSize", old?.headSize),
      intermediateSize: try fields.required("intermediateSize", old?.intermediateSize),
      vocabularySize: try fields.required("vocabularySize", old?.vocabularySize),
      contextLength: try fields.required("contextLength", old?.contextLength),
      normEpsilon: try fields.required("normEpsilon", old?.normEpsilon),
      rotary: try fields.optional("rotary", old?.rotary),
      tiesHead: try fields.required("tiesHead", old?.tiesHead),
      logitScale: try fields.required("logitScale", old?.logitScale),
      dropout: try fields.required("dropout", old?.dropout))
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

/// In files the fraction is left out where all of a head turns.
extension RotaryEmbedding: FieldCoded {
  package init(_ fields: FieldCoder, of old: RotaryEmbedding?) throws {
    self.init(
      base: try fields.required("base", old?.base),
      scaling: try fields.required("scaling", old?.scaling),
      fraction: try fields.field("fraction", old?.fraction, default: 1))
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
