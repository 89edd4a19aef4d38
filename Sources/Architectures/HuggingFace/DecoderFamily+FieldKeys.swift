// SPDX-License-Identifier: Apache-2.0

extension DecoderFamily {
  /// The key of `config.json` that a field of ``ModelConfiguration`` is read from, for errors.
  ///
  /// The user sees the file. The field's own name where no key holds it.
  public func key(ofField field: String) -> String {
    let own = name == DecoderFamily.gpt2.name ? Self.gpt2FieldKeys[field] : fieldKeys[field] ?? nil
    return own ?? Self.commonFieldKeys[field] ?? field
  }

  private var fieldKeys: [String: String?] {
    [
      "layerCount": keys.layers, "hiddenSize": keys.hidden, "headCount": keys.heads,
      "keyValueHeadCount": keys.keyValueHeads ?? keys.heads,
      "headSize": keys.headSize ?? "\(keys.hidden) / \(keys.heads)",
      "intermediateSize": keys.intermediate, "contextLength": keys.context,
      "normEpsilon": keys.normEpsilon, "traits.window": keys.window,
      "traits.experts.count": keys.experts, "traits.experts.perToken": keys.expertsPerToken,
      "rotary.base": keys.rotaryBase, "rotary.fraction": keys.rotaryFraction,
      "dropout.embedding": keys.embeddingDropout, "dropout.attention": "attention_dropout",
      "dropout.residual": keys.residualDropout,
    ]
  }

  private static let gpt2FieldKeys = [
    "layerCount": "n_layer", "hiddenSize": "n_embd", "headCount": "n_head",
    "keyValueHeadCount": "n_head", "headSize": "n_embd / n_head", "intermediateSize": "n_inner",
    "contextLength": "n_positions", "normEpsilon": "layer_norm_epsilon",
    "dropout.embedding": "embd_pdrop", "dropout.attention": "attn_pdrop",
    "dropout.residual": "resid_pdrop",
  ]

  private static let commonFieldKeys = [
    "architecture": "model_type", "tiesHead": "tie_word_embeddings",
    "vocabularySize": "vocab_size", "logitScale": "espalier_logit_scale",
    "dropout.embedding": "espalier_embedding_dropout",
    "dropout.residual": "espalier_residual_dropout", "rotary.scaling.factor": "rope_scaling.factor",
    "rotary.scaling.lowFrequencyFactor": "rope_scaling.low_freq_factor",
    "rotary.scaling.originalContextLength": "rope_scaling.original_max_position_embeddings",
  ]
}
