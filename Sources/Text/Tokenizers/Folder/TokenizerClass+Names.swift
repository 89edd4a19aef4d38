// SPDX-License-Identifier: Apache-2.0

extension TokenizerClass {
  /// The classes by the names that transformers 5.24 gives them, without "Fast".
  static let named: [String: Self] = [
    "BartTokenizer": .roberta, "CodeGenTokenizer": .gpt2, "CodeLlamaTokenizer": .codeLlama,
    "CohereTokenizer": .cohere, "GPT2Tokenizer": .gpt2, "GPTNeoXTokenizer": .gptNeoX,
    "GemmaTokenizer": .gemma, "LEDTokenizer": .roberta, "LlamaTokenizer": .llama,
    "LongformerTokenizer": .roberta, "MvpTokenizer": .roberta, "Qwen2Tokenizer": .qwen2,
    "Qwen3_5Tokenizer": .qwen3_5, "RobertaTokenizer": .roberta, "WhisperTokenizer": .whisper,
  ]

  /// Names that say "the file as it is".
  static let plainNames: Set = ["PreTrainedTokenizer", "TokenizersBackend"]

  /// Classes of byte-pair encoding that make their parts anew and that this library does not have.
  static let strangers: Set = [
    "BlenderbotTokenizer", "CLIPTokenizer", "DebertaTokenizer", "EsmcTokenizer", "HerbertTokenizer",
    "LayoutLMv3Tokenizer", "LukeTokenizer", "MarkupLMTokenizer", "NougatTokenizer",
    "OpenAIGPTTokenizer",
  ]

  /// Types of models whose files name the wrong class, so that the registered one counts.
  static let overruledTypes: Set = [
    "hyperclovax_vision_v2", "qwen2", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen4_exp",
  ]

  /// The classes that transformers has registered for types of models that it has.
  static let ofModelType: [String: Self] = {
    let types: [(TokenizerClass, String)] = [
      (.cohere, "aya_vision cohere cohere2"),
      (
        .gemma,
        """
        diffusion_gemma gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text recurrent_gemma \
        shieldgemma2 t5gemma zaya
        """
      ),
      (
        .gpt2,
        """
        blip-2 codegen dbrx emu3 gpt2 gpt_neo gptj hyperclovax_vision_v2 instructblip \
        instructblipvideo jais2 opt phi starcoder2
        """
      ),
      (.gptNeoX, "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmoe rwkv xlstm"),
      (.llama, "idefics idefics2"),
      (
        .qwen2,
        """
        audioflamingo3 colqwen2 cosmos3_omni dots3_note fun_asr_nano hunyuan_vl internvl \
        lighton_ocr moss_transcribe_diarize ovis2 qianfan_ocr qwen2 qwen2_5_omni qwen2_5_vl \
        qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_asr qwen3_moe qwen3_next qwen3_omni_moe \
        qwen3_vl qwen3_vl_moe vibevoice
        """
      ),
      (.qwen3_5, "qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text qwen4_exp"),
      (
        .roberta,
        """
        bart bridgetower clap data2vec-text ibert led lilt longformer mega mra mvp roberta \
        roberta-prelayernorm
        """
      ),
      (.whisper, "whisper"),
      (
        .file,
        """
        EvollaModel arctic aria beam bigbird_pegasus camembertv2-base canary chatlm cohere_asr \
        ernie4_5 ernie4_5_moe flex_olmo fuyu glm glm4 glm4_moe glm4_moe_lite glm4v glm4v_moe \
        glm_image glmasr got_ocr2 gpt_bigcode gradium_phonon_tts granite granitemoe \
        granitemoehybrid granitemoeshared h2ovl_chat hyperclovax hyperclovax_vlm internlm2 \
        internlm3 iquestcoder jamba kimi_k25 kimi_linear kosmos-2 llava llava_next \
        mimo_v2_flash minicpm3 minicpm_ocr minicpmv minicpmv4_6 minicpmv4_7 minimax_m2 \
        ministral ministral3 mistral mistral3 mistral_large4 mixtral modernbert \
        modernbert-decoder molmo molmo2 nemo_speechlm nemotron nvfp4 nystromformer olmo2 olmo3 \
        olmo_hybrid omniasr opencua openvla paddleocr_vl pegasus_x persimmon phi3 phi3_v phimoe \
        pix2struct pixtral pocket_tts smolvlm stablelm step3_vl umt5 vipllava voxtral \
        voxtral_realtime xlm-roberta-xl
        """
      ),
    ]
    let pairs = types.flatMap { kind, names in
      names.split(separator: " ").map { (String($0), kind) }
    }
    return Dictionary(pairs) { first, _ in first }
  }()
}
