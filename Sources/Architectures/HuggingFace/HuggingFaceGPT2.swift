// SPDX-License-Identifier: Apache-2.0
import OrderedJSON
import Wording

/// GPT-2's keys, with the defaults of transformers' `GPT2Config`.
enum HuggingFaceGPT2 {
  /// There is none, but layers may have types all the same, as many as there are layers.
  private static let window = HuggingFaceWindow(DecoderFamily.gpt2.keys)

  static func model(_ reader: ConfigurationReader) throws -> ModelConfiguration {
    try reader.require("scale_attn_by_inverse_layer_idx", false)
    try reader.require("reorder_and_upcast_attn", false)
    try reader.require("scale_attn_weights", true)
    try reader.require("add_cross_attention", false)
    try HuggingFaceDecoder.refuseUnsupported(reader)
    let activation = try reader.string("activation_function", default: "gelu_new")
    guard let kind = HuggingFaceDecoder.activation(named: activation) else {
      throw reader.unsupported(
        "activation_function", .string(activation),
        expected: "one of \(HuggingFaceDecoder.activationChoices)")
    }

    let layers = try reader.integer("n_layer")
    _ = try window.window(reader, layerCount: layers)
    let hidden = try reader.integer("n_embd")
    let heads = try reader.integer("n_head")
    let (fourTimesHidden, overflow) = hidden.multipliedReportingOverflow(by: 4)
    return ModelConfiguration(
      family: .gpt2, traits: DecoderFamily.gpt2.traits.with { $0.activation = kind },
      layerCount: layers,
      hiddenSize: hidden,
      headCount: heads,
      keyValueHeadCount: try reader.integer("espalier_num_key_value_heads", default: heads),
      headSize: try headSize(
        reader, key: "espalier_head_dim", hidden: hidden, hiddenKey: "n_embd", heads: heads),
      intermediateSize: try reader.integer("n_inner", default: overflow ? 0 : fourTimesHidden),
      vocabularySize: try reader.integer("vocab_size"),
      contextLength: try reader.integer("n_positions"),
      normEpsilon: try reader.number("layer_norm_epsilon", default: 1e-5),
      tiesHead: try reader.boolean("tie_word_embeddings", default: true),
      logitScale: try reader.number("espalier_logit_scale", default: 1),
      dropout: DropoutRates(
        embedding: try reader.number("embd_pdrop", default: 0.1),
        attention: try reader.number("attn_pdrop", default: 0.1),
        residual: try reader.number("resid_pdrop", default: 0.1)))
  }

  static func fields(_ model: ModelConfiguration) -> [HuggingFaceFields.Field] {
    let isFourTimes = model.intermediateSize == 4 * model.hiddenSize
    return [
      .init(
        "activation_function",
        .string(HuggingFaceDecoder.activationName(of: model.traits.activation))),
      .init("attn_pdrop", JSONValue(model.dropout.attention)),
      .init("embd_pdrop", JSONValue(model.dropout.embedding)),
      .init("resid_pdrop", JSONValue(model.dropout.residual)),
      .init("layer_norm_epsilon", JSONValue(model.normEpsilon)),
      .init("n_ctx", JSONValue(model.contextLength), .whereFileHas("n_ctx")),
      .init("n_embd", JSONValue(model.hiddenSize)),
      .init("n_head", JSONValue(model.headCount)),
      .init("n_inner", isFourTimes ? .null : JSONValue(model.intermediateSize)),
      .init("n_layer", JSONValue(model.layerCount)),
      .init("n_positions", JSONValue(model.contextLength)),
      HuggingFaceFields.own(
        "espalier_head_dim", model.headSize, default: standardHeadSize(model) ?? 0),
      HuggingFaceFields.own(
        "espalier_num_key_value_heads", model.keyValueHeadCount, default: model.headCount),
    ] + window.fields(model)
  }
}

/// The width of a head where a file does not say it; nil where the hidden size cannot be shared out.
func standardHeadSize(_ model: ModelConfiguration) -> Int? {
  guard model.headCount > 0, model.hiddenSize % model.headCount == 0 else { return nil }
  return model.hiddenSize / model.headCount
}

/// The width of a head: as the file says, or the hidden size shared among the heads.
func headSize(
  _ reader: ConfigurationReader, key: String, hidden: Int, hiddenKey: String, heads: Int
) throws -> Int {
  if reader.has(key) { return try reader.integer(key) }
  guard heads > 0, hidden % heads == 0 else {
    throw reader.failure(
      .malformedFile, hiddenKey, "\(hidden) is not a multiple of the \(counted(heads, "head"))")
  }
  return hidden / heads
}
