// SPDX-License-Identifier: Apache-2.0

/// The family whose file under `Architectures` builds the program.
public enum Architecture: String, Sendable, Hashable, CaseIterable, Codable {
  case gpt2, llama
}

/// Everything that fixes a model's function but its parameters' values.
///
/// All sizes are counts of units; `headSize` is free of `hiddenSize / headCount`, since growth may
/// change either alone.
public struct ModelConfiguration: Sendable, Hashable, Codable {
  /// The family.
  public var architecture: Architecture
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
  public init(
    architecture: Architecture, layerCount: Int, hiddenSize: Int, headCount: Int,
    keyValueHeadCount: Int? = nil, headSize: Int? = nil, intermediateSize: Int,
    vocabularySize: Int, contextLength: Int, normEpsilon: Double = 1e-5,
    rotary: RotaryEmbedding? = nil, tiesHead: Bool, logitScale: Double = 1,
    dropout: DropoutRates = .none
  ) {
    self.architecture = architecture
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
}

/// Rotary position embedding (Su et al., "RoFormer", arXiv 2104.09864), in halves: component j of a
/// head turns together with component j + headSize / 2.
public struct RotaryEmbedding: Sendable, Hashable, Codable {
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

  /// Makes a rotary embedding.
  public init(base: Double = 10000, scaling: Scaling = .none) {
    self.base = base
    self.scaling = scaling
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
