// SPDX-License-Identifier: Apache-2.0
import OrderedJSON

/// Llama's keys, with the defaults of transformers' `LlamaConfig`.
enum HuggingFaceLlama {
  static func model(_ reader: ConfigurationReader) throws -> ModelConfiguration {
    try reader.require("attention_bias", false)
    try reader.require("mlp_bias", false)
    try reader.require("is_encoder_decoder", false)
    let activation = try reader.string("hidden_act", default: "silu")
    guard ["silu", "swish"].contains(activation) else {
      throw reader.unsupported("hidden_act", .string(activation), expected: "\"silu\"")
    }
    let heads = try reader.integer("num_attention_heads")
    let hidden = try reader.integer("hidden_size")
    return ModelConfiguration(
      architecture: .llama,
      layerCount: try reader.integer("num_hidden_layers"),
      hiddenSize: hidden,
      headCount: heads,
      keyValueHeadCount: try reader.integer("num_key_value_heads", default: heads),
      headSize: try headSize(
        reader, key: "head_dim", hidden: hidden, hiddenKey: "hidden_size", heads: heads),
      intermediateSize: try reader.integer("intermediate_size"),
      vocabularySize: try reader.integer("vocab_size"),
      contextLength: try reader.integer("max_position_embeddings"),
      normEpsilon: try reader.number("rms_norm_eps", default: 1e-6),
      rotary: try HuggingFaceRotary.embedding(reader),
      tiesHead: try reader.boolean("tie_word_embeddings", default: false),
      logitScale: try reader.number("espalier_logit_scale", default: 1),
      dropout: DropoutRates(
        embedding: try reader.number("espalier_embedding_dropout", default: 0),
        attention: try reader.number("attention_dropout", default: 0),
        residual: try reader.number("espalier_residual_dropout", default: 0)))
  }

  static func fields(_ model: ModelConfiguration) -> [HuggingFaceFields.Field] {
    [
      .init("attention_bias", .boolean(false)),
      .init("attention_dropout", JSONValue(model.dropout.attention)),
      HuggingFaceFields.own(
        "espalier_embedding_dropout", model.dropout.embedding, default: 0),
      HuggingFaceFields.own("espalier_residual_dropout", model.dropout.residual, default: 0),
      .init("head_dim", JSONValue(model.headSize)),
      .init("hidden_act", .string("silu")),
      .init("hidden_size", JSONValue(model.hiddenSize)),
      .init("intermediate_size", JSONValue(model.intermediateSize)),
      .init("max_position_embeddings", JSONValue(model.contextLength)),
      .init("mlp_bias", .boolean(false)),
      .init("num_attention_heads", JSONValue(model.headCount)),
      .init("num_hidden_layers", JSONValue(model.layerCount)),
      .init("num_key_value_heads", JSONValue(model.keyValueHeadCount)),
      .init("rms_norm_eps", JSONValue(model.normEpsilon)),
    ] + HuggingFaceRotary.fields(model.rotary ?? RotaryEmbedding())
  }
}
