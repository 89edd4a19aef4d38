// SPDX-License-Identifier: Apache-2.0
//
// What keys mean that a `config.json` leaves out: the defaults of transformers' configuration classes,
// version 5.24, and which keys those classes let be null.

extension DecoderConfigurationKeys {
  /// Llama's defaults; other families say where theirs differ.
  static let llamaDefaults: [String: ConfigurationValue] = [
    "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 11008,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": .null,
    "head_dim": .null, "hidden_act": "silu", "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false,
    "attention_dropout": 0.0, "attention_bias": false, "mlp_bias": false,
  ]

  /// GPT-2's defaults.
  static let gpt2Defaults: [String: ConfigurationValue] = [
    "vocab_size": 50257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12,
    "n_inner": .null, "activation_function": "gelu_new", "resid_pdrop": 0.1, "embd_pdrop": 0.1,
    "attn_pdrop": 0.1, "layer_norm_epsilon": 1e-5, "tie_word_embeddings": true,
  ]

  /// GPT-NeoX's defaults.
  static let gptNeoXDefaults: [String: ConfigurationValue] = [
    "vocab_size": 50432, "hidden_size": 6144, "intermediate_size": 24576,
    "num_hidden_layers": 44, "num_attention_heads": 64, "hidden_act": "gelu",
    "max_position_embeddings": 2048, "layer_norm_eps": 1e-5, "rotary_emb_base": 10000.0,
    "rotary_pct": 0.25, "tie_word_embeddings": false, "attention_dropout": 0.0,
    "hidden_dropout": 0.0, "attention_bias": true, "use_parallel_residual": true,
  ]

  /// The defaults of a class that has Llama's but for these.
  static func likeLlama(
    _ differences: [String: ConfigurationValue]
  ) -> [String: ConfigurationValue] {
    llamaDefaults.merging(differences) { $1 }
  }

  /// The keys that every class lets be null.
  static let nullableEverywhere: Set = [
    "rope_scaling", "rope_parameters", "layer_types", "dtype", "torch_dtype", "bos_token_id",
    "eos_token_id", "pad_token_id", "quantization_config", "per_layer_config",
    "is_encoder_decoder",
  ]
}
