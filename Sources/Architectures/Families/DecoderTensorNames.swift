// SPDX-License-Identifier: Apache-2.0

/// How a family's files name and lay out its tensors.
///
/// Names of modules are without `.weight` and `.bias`. `{layer}` stands for a block's number and
/// `{expert}` for an expert's.
public struct DecoderTensorNames: Sendable, Hashable {
  /// How one matrix holds the maps to queries, keys and values.
  public enum Fusion: String, Sendable, Hashable, CaseIterable, Codable {
    /// All queries, then all keys, then all values.
    case stacked
    /// Each head's query, key and value, head after head.
    case interleaved
  }

  /// What all names but the head's begin with; files of bare models leave it out.
  public var prefix = "model."
  /// The tokens' vectors.
  public var tokenEmbedding = "embed_tokens"
  /// The positions' vectors; nil for rotary positions.
  public var positionEmbedding: String?
  /// The norm before the head.
  public var finalNorm = "norm"
  /// The head, without the prefix.
  public var head = "lm_head"
  /// What the names of a block begin with.
  public var layer = "layers.{layer}."
  /// The norm before attention.
  public var attentionNorm = "input_layernorm"
  /// The norm before the feed-forward.
  public var feedForwardNorm = "post_attention_layernorm"
  /// The map to queries; nil where one matrix holds all three.
  public var query: String? = "self_attn.q_proj"
  /// The map to keys.
  public var key: String? = "self_attn.k_proj"
  /// The map to values.
  public var value: String? = "self_attn.v_proj"
  /// The matrix that holds all three; nil where they are apart.
  public var queryKeyValue: String?
  /// How it holds them.
  public var fusion = Fusion.stacked
  /// The norm of queries; nil for none.
  public var queryNorm: String?
  /// The norm of keys; nil for none.
  public var keyNorm: String?
  /// The map of attention's result.
  public var attentionOutput = "self_attn.o_proj"
  /// The feed-forward's gate; nil for none, or where one matrix holds gate and up.
  public var gate: String? = "mlp.gate_proj"
  /// The feed-forward's first map; nil where one matrix holds gate and up.
  public var up: String? = "mlp.up_proj"
  /// The matrix that holds gate and up, one after the other; nil where they are apart.
  public var gateUp: String?
  /// The feed-forward's second map.
  public var down = "mlp.down_proj"
  /// The map to the experts' weights; nil for one feed-forward.
  public var router: String?
  /// What the names of an expert's gate, up and down begin with, inside a block.
  public var expert: String?
  /// How matrices lie.
  public var layout = Program.WeightLayout.outputInput
  /// Tensors of published files that hold no parameter, without the prefix.
  public var buffers: [String] = []

  /// Llama's names.
  public init() {}

  /// Changes some.
  func with(_ change: (inout DecoderTensorNames) -> Void) -> DecoderTensorNames {
    var copy = self
    change(&copy)
    return copy
  }
}

extension DecoderTensorNames: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case prefix, tokenEmbedding, positionEmbedding, finalNorm, head, layer, attentionNorm
    case feedForwardNorm, query, key, value, queryKeyValue, fusion, queryNorm, keyNorm
    case attentionOutput, gate, up, gateUp, down, router, expert, layout, buffers
  }

  /// Reads names; what is not named is as in Llama, but that fused matrices take the place of the
  /// ones they hold.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseUnknownKeys(CodingKeys.self)
    let keys = try decoder.container(keyedBy: CodingKeys.self)
    func read(_ key: CodingKeys, _ value: inout String) throws {
      value = try keys.decodeIfPresent(String.self, forKey: key) ?? value
    }
    func readOptional(_ key: CodingKeys, unless isReplaced: Bool, _ value: inout String?) throws {
      if keys.contains(key) {
        value = try keys.decodeIfPresent(String.self, forKey: key)
      } else if isReplaced {
        value = nil
      }
    }
    try read(.prefix, &prefix)
    try read(.tokenEmbedding, &tokenEmbedding)
    try read(.finalNorm, &finalNorm)
    try read(.head, &head)
    try read(.layer, &layer)
    try read(.attentionNorm, &attentionNorm)
    try read(.feedForwardNorm, &feedForwardNorm)
    try read(.attentionOutput, &attentionOutput)
    try read(.down, &down)
    let fusesAttention = keys.contains(.queryKeyValue)
    try readOptional(.queryKeyValue, unless: false, &queryKeyValue)
    try readOptional(.query, unless: fusesAttention, &query)
    try readOptional(.key, unless: fusesAttention, &key)
    try readOptional(.value, unless: fusesAttention, &value)
    let fusesGate = keys.contains(.gateUp)
    try readOptional(.gateUp, unless: false, &gateUp)
    try readOptional(.gate, unless: fusesGate, &gate)
    try readOptional(.up, unless: fusesGate, &up)
    try readOptional(.positionEmbedding, unless: false, &positionEmbedding)
    try readOptional(.queryNorm, unless: false, &queryNorm)
    try readOptional(.keyNorm, unless: false, &keyNorm)
    try readOptional(.router, unless: false, &router)
    try readOptional(.expert, unless: false, &expert)
    fusion = try keys.decodeIfPresent(Fusion.self, forKey: .fusion) ?? fusion
    layout = try keys.decodeIfPresent(Program.WeightLayout.self, forKey: .layout) ?? layout
    buffers = try keys.decodeIfPresent([String].self, forKey: .buffers) ?? buffers
  }

  /// Writes all names; `null` for what there is none of.
  public func encode(to encoder: any Encoder) throws {
    var keys = encoder.container(keyedBy: CodingKeys.self)
    try keys.encode(prefix, forKey: .prefix)
    try keys.encode(tokenEmbedding, forKey: .tokenEmbedding)
    try keys.encode(positionEmbedding, forKey: .positionEmbedding)
    try keys.encode(finalNorm, forKey: .finalNorm)
    try keys.encode(head, forKey: .head)
    try keys.encode(layer, forKey: .layer)
    try keys.encode(attentionNorm, forKey: .attentionNorm)
    try keys.encode(feedForwardNorm, forKey: .feedForwardNorm)
    try keys.encode(query, forKey: .query)
    try keys.encode(key, forKey: .key)
    try keys.encode(value, forKey: .value)
    try keys.encode(queryKeyValue, forKey: .queryKeyValue)
    try keys.encode(fusion, forKey: .fusion)
    try keys.encode(queryNorm, forKey: .queryNorm)
    try keys.encode(keyNorm, forKey: .keyNorm)
    try keys.encode(attentionOutput, forKey: .attentionOutput)
    try keys.encode(gate, forKey: .gate)
    try keys.encode(up, forKey: .up)
    try keys.encode(gateUp, forKey: .gateUp)
    try keys.encode(down, forKey: .down)
    try keys.encode(router, forKey: .router)
    try keys.encode(expert, forKey: .expert)
    try keys.encode(layout, forKey: .layout)
    try keys.encode(buffers, forKey: .buffers)
  }
}
