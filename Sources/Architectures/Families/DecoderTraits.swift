// SPDX-License-Identifier: Apache-2.0
import Documents

/// What a decoder's blocks compute, beside their sizes.
///
/// The defaults are Llama's. A family's traits stand in its ``DecoderFamily``; those of a model may
/// differ where its `config.json` says so.
public struct DecoderTraits: Sendable, Hashable {
  /// How the gains of norms are kept.
  public enum Gain: String, Sendable, Hashable, CaseIterable, Codable {
    /// As they are.
    case plain
    /// Less one: a file's zero is a gain of one (Gemma).
    case aboveOne
    /// Not at all: norms have no parameters (OLMo).
    case none
  }

  /// How positions are told apart.
  public enum Positions: String, Sendable, Hashable, CaseIterable, Codable {
    case rotary, learned
  }

  /// A feed-forward of several experts, some of which each token takes.
  public struct Experts: Sendable, Hashable, Codable {
    /// How many there are.
    public var count: Int
    /// How many a token takes.
    public var perToken: Int

    /// Makes numbers of experts.
    public init(count: Int, perToken: Int) {
      self.count = count
      self.perToken = perToken
    }
  }

  /// The norm of blocks and before the head.
  public var norm = Program.NormKind.rootMeanSquare
  /// How gains are kept.
  public var gain = Gain.plain
  /// Whether norms add a bias.
  public var normBias = false
  /// The feed-forward's function.
  public var activation = Program.ActivationKind.silu
  /// Whether a second map gates the feed-forward.
  public var isGated = true
  /// Whether the maps to queries, keys and values have biases.
  public var attentionBias = false
  /// Whether the map of attention's result has a bias.
  public var attentionOutputBias = false
  /// Whether the feed-forward's maps have biases.
  public var feedForwardBias = false
  /// Whether each head's queries and keys are normalised before they turn (Qwen3).
  public var queryKeyNorm = false
  /// Whether attention and feed-forward read the same stream and are added at once (GPT-NeoX).
  public var isParallel = false
  /// Whether token vectors are multiplied by the root of the hidden size (Gemma).
  public var scalesEmbedding = false
  /// How positions are told apart.
  public var positions = Positions.rotary
  /// How many positions a query sees, its own included; nil for all before it.
  public var window: Int?
  /// The experts; nil for one feed-forward.
  public var experts: Experts?

  /// Llama's traits.
  public init() {}

  /// Changes some.
  func with(_ change: (inout DecoderTraits) -> Void) -> DecoderTraits {
    var copy = self
    change(&copy)
    return copy
  }
}

/// In files what is not named is Llama's.
extension DecoderTraits: FieldCoded {
  package init(_ fields: FieldCoder, of old: DecoderTraits?) throws {
    self.init()
    norm = try fields.given("norm", old?.norm, default: norm)
    gain = try fields.given("gain", old?.gain, default: gain)
    normBias = try fields.given("normBias", old?.normBias, default: normBias)
    activation = try fields.given("activation", old?.activation, default: activation)
    isGated = try fields.given("gated", old?.isGated, default: isGated)
    attentionBias = try fields.given("attentionBias", old?.attentionBias, default: attentionBias)
    attentionOutputBias = try fields.given(
      "attentionOutputBias", old?.attentionOutputBias, default: attentionOutputBias)
    feedForwardBias = try fields.given(
      "feedForwardBias", old?.feedForwardBias, default: feedForwardBias)
    queryKeyNorm = try fields.given("queryKeyNorm", old?.queryKeyNorm, default: queryKeyNorm)
    isParallel = try fields.given("parallel", old?.isParallel, default: isParallel)
    scalesEmbedding = try fields.given(
      "scalesEmbedding", old?.scalesEmbedding, default: scalesEmbedding)
    positions = try fields.given("positions", old?.positions, default: positions)
    window = try fields.optional("window", old?.window)
    experts = try fields.optional("experts", old?.experts)
    try fields.refuseOthers()
  }
}
