// SPDX-License-Identifier: Apache-2.0

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

extension DecoderTraits: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case norm, gain, normBias, activation, isGated = "gated", attentionBias, attentionOutputBias
    case feedForwardBias, queryKeyNorm, isParallel = "parallel", scalesEmbedding, positions
    case window, experts
  }

  /// Reads traits; what is not named is Llama's.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    func read<Value: Decodable>(_ key: CodingKeys, _ value: inout Value) throws {
      value = try keys.decodeIfPresent(Value.self, forKey: key) ?? value
    }
    try read(.norm, &norm)
    try read(.gain, &gain)
    try read(.normBias, &normBias)
    try read(.activation, &activation)
    try read(.isGated, &isGated)
    try read(.attentionBias, &attentionBias)
    try read(.attentionOutputBias, &attentionOutputBias)
    try read(.feedForwardBias, &feedForwardBias)
    try read(.queryKeyNorm, &queryKeyNorm)
    try read(.isParallel, &isParallel)
    try read(.scalesEmbedding, &scalesEmbedding)
    try read(.positions, &positions)
    window = try keys.decodeIfPresent(Int.self, forKey: .window)
    experts = try keys.decodeIfPresent(Experts.self, forKey: .experts)
  }
}

extension Decoder {
  /// Refuses members that a description does not have, so that a misspelt one is not passed over.
  func refuseUnknownKeys<Key: CodingKey & CaseIterable>(_ type: Key.Type) throws {
    let known = Key.allCases.map(\.stringValue)
    for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: codingPath + [key],
          debugDescription: "is no key here; expected one of \(known.joined(separator: ", "))"))
    }
  }
}

/// Any member's name.
private struct AnyKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
