// SPDX-License-Identifier: Apache-2.0
import Documents

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

/// In files what is not named is as in Llama, but that fused matrices take the place of the ones they hold;
/// `null` stands for what there is none of.
extension DecoderTensorNames: FieldCoded {
  package init(_ fields: FieldCoder, of old: DecoderTensorNames?) throws {
    self.init()
    let fusesAttention = fields.has("queryKeyValue")
    let fusesGate = fields.has("gateUp")
    prefix = try fields.given("prefix", old?.prefix, default: prefix)
    tokenEmbedding = try fields.given(
      "tokenEmbedding", old?.tokenEmbedding, default: tokenEmbedding)
    positionEmbedding = try fields.explicit(
      "positionEmbedding", old.map(\.positionEmbedding), default: positionEmbedding)
    finalNorm = try fields.given("finalNorm", old?.finalNorm, default: finalNorm)
    head = try fields.given("head", old?.head, default: head)
    layer = try fields.given("layer", old?.layer, default: layer)
    attentionNorm = try fields.given("attentionNorm", old?.attentionNorm, default: attentionNorm)
    feedForwardNorm = try fields.given(
      "feedForwardNorm", old?.feedForwardNorm, default: feedForwardNorm)
    query = try fields.explicit("query", old.map(\.query), default: fusesAttention ? nil : query)
    key = try fields.explicit("key", old.map(\.key), default: fusesAttention ? nil : key)
    value = try fields.explicit("value", old.map(\.value), default: fusesAttention ? nil : value)
    queryKeyValue = try fields.explicit(
      "queryKeyValue", old.map(\.queryKeyValue), default: queryKeyValue)
    fusion = try fields.given("fusion", old?.fusion, default: fusion)
    queryNorm = try fields.explicit("queryNorm", old.map(\.queryNorm), default: queryNorm)
    keyNorm = try fields.explicit("keyNorm", old.map(\.keyNorm), default: keyNorm)
    attentionOutput = try fields.given(
      "attentionOutput", old?.attentionOutput, default: attentionOutput)
    gate = try fields.explicit("gate", old.map(\.gate), default: fusesGate ? nil : gate)
    up = try fields.explicit("up", old.map(\.up), default: fusesGate ? nil : up)
    gateUp = try fields.explicit("gateUp", old.map(\.gateUp), default: gateUp)
    down = try fields.given("down", old?.down, default: down)
    router = try fields.explicit("router", old.map(\.router), default: router)
    expert = try fields.explicit("expert", old.map(\.expert), default: expert)
    layout = try fields.given("layout", old?.layout, default: layout)
    buffers = try fields.given("buffers", old?.buffers, default: buffers)
    try fields.refuseOthers()
  }
}
