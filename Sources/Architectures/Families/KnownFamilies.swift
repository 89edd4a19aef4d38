// SPDX-License-Identifier: Apache-2.0
//
// The families that the library knows. Each says only where it differs from Llama.

extension DecoderFamily {
  /// GPT-2, of Radford and others, 2019: layer norms, biases everywhere, GELU by tanh, learned positions, tied
  /// head, matrices [inputs, outputs].
  public static let gpt2 = DecoderFamily(
    name: "gpt2", modelClass: "GPT2LMHeadModel",
    traits: DecoderTraits().with {
      $0.norm = .layer
      $0.normBias = true
      $0.activation = .geluTanh
      $0.isGated = false
      $0.attentionBias = true
      $0.attentionOutputBias = true
      $0.feedForwardBias = true
      $0.positions = .learned
    },
    tensors: DecoderTensorNames().with {
      $0.prefix = "transformer."
      $0.tokenEmbedding = "wte"
      $0.positionEmbedding = "wpe"
      $0.finalNorm = "ln_f"
      $0.layer = "h.{layer}."
      $0.attentionNorm = "ln_1"
      $0.feedForwardNorm = "ln_2"
      $0.query = nil
      $0.key = nil
      $0.value = nil
      $0.queryKeyValue = "attn.c_attn"
      $0.attentionOutput = "attn.c_proj"
      $0.gate = nil
      $0.up = "mlp.c_fc"
      $0.down = "mlp.c_proj"
      $0.layout = .inputOutput
      // Causal masks that older versions of transformers saved.
      $0.buffers = ["h.{layer}.attn.bias", "h.{layer}.attn.masked_bias"]
    },
    keys: DecoderConfigurationKeys().with {
      $0.layerTypes = nil
      $0.defaults = DecoderConfigurationKeys.gpt2Defaults
      $0.aliases = [
        "hidden_size": "n_embd", "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head", "num_hidden_layers": "n_layer",
      ]
      $0.nullable = ["n_inner"]
    })

  /// Llama (Touvron et al., arXiv 2302.13971): RMS norms, no biases, rotary positions, grouped
  /// key/value heads, SwiGLU.
  public static let llama = DecoderFamily(
    name: "llama", modelClass: "LlamaForCausalLM", tensors: llamaTensors,
    keys: DecoderConfigurationKeys().with {
      $0.headSize = "head_dim"
      $0.attentionBias = "attention_bias"
      $0.feedForwardBias = "mlp_bias"
      $0.layerTypes = nil
      $0.defaults = DecoderConfigurationKeys.llamaDefaults
      $0.nullable = ["head_dim", "num_key_value_heads", "attention_dropout"]
    })

  /// Llama's names, which many families share.
  private static let llamaTensors = DecoderTensorNames().with {
    // Rotary frequencies that older versions of transformers saved.
    $0.buffers = ["rotary_emb.inv_freq", "layers.{layer}.self_attn.rotary_emb.inv_freq"]
  }

  /// Mistral (Jiang et al., arXiv 2310.06825): Llama with a sliding window.
  public static let mistral = DecoderFamily(
    name: "mistral", modelClass: "MistralForCausalLM", tensors: llamaTensors,
    keys: DecoderConfigurationKeys().with {
      $0.headSize = "head_dim"
      $0.headsDivideWidth = false
      $0.window = "sliding_window"
      $0.defaults = DecoderConfigurationKeys.likeLlama([
        "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072,
        "sliding_window": 4096,
      ])
      $0.nullable = ["head_dim", "sliding_window"]
    })

  /// Qwen2 (arXiv 2407.10671): Llama with biases of queries, keys and values.
  public static let qwen2 = DecoderFamily(
    name: "qwen2", modelClass: "Qwen2ForCausalLM",
    traits: DecoderTraits().with { $0.attentionBias = true }, tensors: llamaTensors,
    keys: qwenKeys)

  /// The keys of Qwen2, which Qwen3 has too.
  private static let qwenKeys = DecoderConfigurationKeys().with {
    $0.headSize = "head_dim"
    $0.headsDivideWidth = false
    $0.window = "sliding_window"
    $0.windowSwitch = "use_sliding_window"
    $0.layersBeforeWindow = "max_window_layers"
    $0.defaults = DecoderConfigurationKeys.likeLlama([
      "vocab_size": 151936, "intermediate_size": 22016, "num_key_value_heads": 32,
      "max_position_embeddings": 32768, "use_sliding_window": false, "sliding_window": 4096,
      "max_window_layers": 28,
    ])
    $0.nullable = ["num_key_value_heads", "sliding_window"]
  }

  /// Qwen3 (arXiv 2505.09388): Llama with norms of each head's queries and keys.
  public static let qwen3 = DecoderFamily(
    name: "qwen3", modelClass: "Qwen3ForCausalLM",
    traits: DecoderTraits().with { $0.queryKeyNorm = true },
    tensors: llamaTensors.with {
      $0.queryNorm = "self_attn.q_norm"
      $0.keyNorm = "self_attn.k_norm"
    },
    keys: qwenKeys.with {
      $0.attentionBias = "attention_bias"
      $0.defaults["head_dim"] = 128
    })

  /// Gemma (arXiv 2403.08295): gains less one, token vectors times √hidden, GELU gates, tied head.
  public static let gemma = DecoderFamily(
    name: "gemma", modelClass: "GemmaForCausalLM",
    traits: DecoderTraits().with {
      $0.gain = .aboveOne
      $0.activation = .geluTanh
      $0.scalesEmbedding = true
    },
    tensors: llamaTensors,
    keys: DecoderConfigurationKeys().with {
      $0.headSize = "head_dim"
      // The first published files say gelu and mean the approximation by tanh.
      $0.activationNames = ["gelu": .geluTanh]
      $0.attentionBias = "attention_bias"
      $0.layerTypes = nil
      $0.unsupported = ["use_bidirectional_attention"]
      $0.defaults = DecoderConfigurationKeys.likeLlama([
        "vocab_size": 256000, "hidden_size": 3072, "intermediate_size": 24576,
        "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 16,
        "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "max_position_embeddings": 8192,
        "tie_word_embeddings": true, "pad_token_id": 0,
      ])
      $0.nullable = ["use_bidirectional_attention"]
    })

  /// Phi-3 (arXiv 2404.14219): Llama with fused matrices.
  public static let phi3 = DecoderFamily(
    name: "phi3", modelClass: "Phi3ForCausalLM",
    tensors: llamaTensors.with {
      $0.query = nil
      $0.key = nil
      $0.value = nil
      $0.queryKeyValue = "self_attn.qkv_proj"
      $0.gate = nil
      $0.up = nil
      $0.gateUp = "mlp.gate_up_proj"
    },
    keys: DecoderConfigurationKeys().with {
      $0.headSize = "head_dim"
      $0.headsDivideWidth = false
      $0.rotaryFraction = "partial_rotary_factor"
      $0.rotaryScalings = []
      $0.window = "sliding_window"
      $0.layerTypes = nil
      $0.residualDropout = "resid_pdrop"
      $0.defaults = DecoderConfigurationKeys.likeLlama([
        "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192,
        "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "partial_rotary_factor": 1.0,
        "sliding_window": .null, "resid_pdrop": 0.0, "pad_token_id": 32000,
      ])
      $0.nullable = ["num_key_value_heads", "sliding_window"]
    })

  /// GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373): both branches at once, each head's query, key
  /// and value together, a quarter of each head turned.
  public static let gptNeoX = DecoderFamily(
    name: "gpt_neox", modelClass: "GPTNeoXForCausalLM",
    traits: DecoderTraits().with {
      $0.norm = .layer
      $0.normBias = true
      $0.activation = .gelu
      $0.isGated = false
      $0.attentionBias = true
      $0.attentionOutputBias = true
      $0.feedForwardBias = true
      $0.isParallel = true
    },
    tensors: DecoderTensorNames().with {
      $0.prefix = "gpt_neox."
      $0.tokenEmbedding = "embed_in"
      $0.finalNorm = "final_layer_norm"
      $0.head = "embed_out"
      $0.query = nil
      $0.key = nil
      $0.value = nil
      $0.queryKeyValue = "attention.query_key_value"
      $0.fusion = .interleaved
      $0.attentionOutput = "attention.dense"
      $0.gate = nil
      $0.up = "mlp.dense_h_to_4h"
      $0.down = "mlp.dense_4h_to_h"
      $0.buffers = [
        "layers.{layer}.attention.bias", "layers.{layer}.attention.masked_bias",
        "layers.{layer}.attention.rotary_emb.inv_freq", "rotary_emb.inv_freq",
      ]
    },
    keys: DecoderConfigurationKeys().with {
      $0.keyValueHeads = nil
      $0.normEpsilon = "layer_norm_eps"
      $0.rotaryBase = "rotary_emb_base"
      $0.rotaryFraction = "rotary_pct"
      $0.attentionBias = "attention_bias"
      $0.parallel = "use_parallel_residual"
      $0.layerTypes = nil
      $0.embeddingDropout = "hidden_dropout"
      $0.residualDropout = "hidden_dropout"
      $0.defaults = DecoderConfigurationKeys.gptNeoXDefaults
      $0.nullable = ["head_dim"]
    })

  /// OLMo (arXiv 2402.00838): Llama with layer norms that have no parameters.
  public static let olmo = DecoderFamily(
    name: "olmo", modelClass: "OlmoForCausalLM",
    traits: DecoderTraits().with {
      $0.norm = .layer
      $0.gain = .none
    },
    tensors: llamaTensors,
    keys: DecoderConfigurationKeys().with {
      $0.headSize = "head_dim"
      $0.headsDivideWidth = false
      $0.normEpsilon = nil
      $0.defaultNormEpsilon = 1e-5
      $0.attentionBias = "attention_bias"
      $0.layerTypes = nil
      $0.unsupported = ["clip_qkv"]
      $0.defaults = DecoderConfigurationKeys.likeLlama(["vocab_size": 50304, "pad_token_id": 1])
      $0.nullable = ["num_key_value_heads", "clip_qkv"]
    })

  /// Mixtral (Jiang et al., arXiv 2401.04088): Mistral with experts.
  public static let mixtral = DecoderFamily(
    name: "mixtral", modelClass: "MixtralForCausalLM",
    tensors: llamaTensors.with {
      $0.router = "block_sparse_moe.gate"
      $0.expert = "block_sparse_moe.experts.{expert}."
      $0.gate = "w1"
      $0.up = "w3"
      $0.down = "w2"
    },
    keys: DecoderConfigurationKeys().with {
      $0.headSize = "head_dim"
      $0.headsDivideWidth = false
      $0.window = "sliding_window"
      $0.layerTypes = nil
      $0.experts = "num_local_experts"
      $0.expertsPerToken = "num_experts_per_tok"
      $0.defaults = DecoderConfigurationKeys.likeLlama([
        "intermediate_size": 14336, "num_key_value_heads": 8, "max_position_embeddings": 131072,
        "rms_norm_eps": 1e-5, "rope_theta": 1_000_000.0, "sliding_window": .null,
        "num_local_experts": 8, "num_experts_per_tok": 2,
      ])
      $0.aliases = ["num_experts": "num_local_experts"]
      $0.nullable = ["head_dim", "sliding_window"]
    })
}
