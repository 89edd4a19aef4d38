// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Files and folders with one fault each, for the cases of `Messages/*.txt`.
enum MessageFiles {
  /// What is wrong with a copy of a sound folder.
  enum Change {
    case without(String)
    case with(String, Data)
    case replacing(String, with: String, in: String)
    case cut(String, to: Int)
  }

  /// A golden model, as it is or with a fault.
  struct Model {
    var name: String
    var golden = "llama"
    var change: Change?
  }

  /// A copy of something that the workplace has, with a fault.
  struct Copy {
    var name: String
    var of: String
    var change: Change
  }

  private static let config = "config.json"
  private static let weights = "model.safetensors"
  private static let index = "model.safetensors.index.json"

  static let models: [Model] = sound + torn + configured + headed

  private static let sound: [Model] = [
    "llama", "mistral", "mixtral", "qwen3", "olmo", "gemma", "phi3", "gpt_neox",
  ].map { Model(name: $0, golden: $0) }

  private static let torn: [Model] = [
    Model(name: "bf16", golden: "mistral-bfloat16"),
    Model(name: "sharded", golden: "qwen3-sharded"),
    Model(name: "no-config", change: .without(config)),
    Model(name: "no-weights", change: .without(weights)),
    Model(name: "w-cut", change: .cut(weights, to: 2000)),
    Model(name: "w-empty", change: .cut(weights, to: 0)),
    Model(name: "w-short", change: .cut(weights, to: 1)),
    Model(
      name: "i-gone", golden: "qwen3-sharded",
      change: .without("model-00002-of-00004.safetensors")),
    Model(name: "i-json", golden: "qwen3-sharded", change: .with(index, Data("{".utf8))),
    Model(name: "i-list", golden: "qwen3-sharded", change: .with(index, Data("[]".utf8))),
    Model(
      name: "i-out", golden: "qwen3-sharded",
      change: .replacing("model-00002", with: "elsewhere/model-00002", in: index)),
  ]

  private static let configured: [Model] = configurations.map { name, change in
    Model(name: "c-\(name)", change: .replacing(change.0, with: change.1, in: config))
  }

  private static let headed: [Model] = headers.map { name, header in
    Model(name: "h-\(name)", change: .with(weights, safetensors(header)))
  }

  /// One change of Llama's `config.json` each.
  private static let configurations: [String: (String, String)] = [
    "type": ("\"model_type\": \"llama\"", "\"model_type\": \"bert\""),
    "no-type": ("  \"model_type\": \"llama\",\n", ""),
    "number-type": ("\"model_type\": \"llama\"", "\"model_type\": 7"),
    "json": ("\"mlp_bias\": false,", "\"mlp_bias\": false"),
    "words": ("\"hidden_size\": 24", "\"hidden_size\": \"wide\""),
    "causal": ("\"mlp_bias\": false,", "\"mlp_bias\": false, \"is_causal\": false,"),
    "types": ("\"mlp_bias\": false,", "\"mlp_bias\": false, \"layer_types\": [1, 2],"),
    "scale0": ("\"mlp_bias\": false,", "\"mlp_bias\": false, \"espalier_logit_scale\": 0,"),
    "scaled": ("\"mlp_bias\": false,", "\"mlp_bias\": false, \"espalier_logit_scale\": 0.5,"),
    "zero": ("\"hidden_size\": 24", "\"hidden_size\": 0"),
    "half": ("\"hidden_size\": 24", "\"hidden_size\": 24.5"),
    "vast": ("\"hidden_size\": 24", "\"hidden_size\": 1e300"),
    "negative": ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": -2"),
    "groups": ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3"),
    "activation": ("\"hidden_act\": \"silu\"", "\"hidden_act\": \"swish7\""),
    "epsilon": ("\"rms_norm_eps\": 2e-05", "\"rms_norm_eps\": -1"),
    "rope": ("\"rope_type\": \"default\"", "\"rope_type\": \"yarn\""),
    "theta": ("\"rope_theta\": 500.0", "\"rope_theta\": \"big\""),
    "bias": ("\"attention_bias\": false", "\"attention_bias\": \"yes\""),
    "vocabulary": ("\"vocab_size\": 80", "\"vocab_size\": 79"),
    "more-layers": ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
    "fewer-layers": ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"),
    "untied": ("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false"),
    "odd-heads": ("\"head_dim\": 6", "\"head_dim\": 7"),
    "dropout": ("\"attention_dropout\": 0.0", "\"attention_dropout\": 2"),
    "quantised": (
      "\"use_cache\": true", "\"quantization_config\": {\"quant_method\": \"gptq\"}"
    ),
    "context": ("\"max_position_embeddings\": 48", "\"max_position_embeddings\": 0"),
    "larger": ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4"),
    "padded": ("\"hidden_size\": 24", "\"hidden_size\": 32"),
    "short": ("\"max_position_embeddings\": 48", "\"max_position_embeddings\": 16"),
  ]

  /// Headers of safetensors files that break the format.
  private static let headers: [String: String] = [
    "json": "{\"a\":", "list": "[]", "no-dtype": #"{"a":{"shape":[1],"data_offsets":[0,4]}}"#,
    "dtype": #"{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,4]}}"#,
    "shape": #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
    "offsets": #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
    "beyond": #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
    "size": #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
    "twice":
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    "metadata": #"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    "extra": #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#,
    "hole": #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#,
    "huge": #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#,
    "rest": #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#,
    "metadata-twice":
      #"{"__metadata__":{},"__metadata__":{},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
    "other": #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
  ]

  private static func safetensors(_ header: String) -> Data {
    let length = UInt64(header.utf8.count)
    return Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }) + Data(header.utf8)
      + Data(count: 4)
  }

  /// One change of Llama's description each.
  static let familyChanges: [String: (String, String)] = [
    "name": ("name: llama", "name: ''"),
    "query": ("  query: self_attn.q_proj\n", "  query: null\n"),
    "gate": ("  gateUp: null", "  gateUp: mlp.gate_up"),
    "no-gate": ("  gated: true", "  gated: false"),
    "positions": ("  positionEmbedding: null", "  positionEmbedding: embed_positions"),
    "norms": ("  queryNorm: null", "  queryNorm: self_attn.q_norm"),
    "layer": ("  layer: layers.{layer}.", "  layer: layers."),
    "router": ("  router: null", "  router: gate"),
    "experts": ("  experts: null", "  experts: num_experts"),
    "trait": ("  norm: rootMeanSquare", "  norm: batch"),
    "words": ("  gated: true", "  gated: perhaps"),
    "rotary": ("  positions: rotary", "  positions: learned"),
  ]

  /// Folders of the workplace with a fault.
  static let damaged: [Copy] = [
    Copy(
      name: "run-edited", of: "trained",
      change: .replacing("seed: 11", with: "seed: 12", in: "recipe.yaml")),
    Copy(
      name: "run-sealed", of: "trained",
      change: .replacing("\"recipeName\"", with: "\"recipename\"", in: "run.json")),
    Copy(
      name: "run-altered", of: "trained",
      change: .replacing("\"recipe.yaml\"", with: "\"other.yaml\"", in: "run.json")),
    Copy(
      name: "run-future", of: "trained",
      change: .replacing("\"formatVersion\" : 1", with: "\"formatVersion\" : 9", in: "run.json")),
    Copy(
      name: "run-kind", of: "trained",
      change: .with("log.jsonl", Data("{\"kind\":\"odd\"}\n{\"kind\":\"odd\"}\n".utf8))),
    Copy(
      name: "run-negative", of: "trained",
      change: .with(
        "log.jsonl", Data("{\"kind\":\"step\",\"step\":-1}\n{\"kind\":\"odd\"}\n".utf8))),
    Copy(
      name: "run-gradients", of: "trained",
      change: .replacing("\"gradientNorm\":", with: "\"gradientNorm\":1", in: "log.jsonl")),
    Copy(
      name: "run-stripped", of: "trained",
      change: .replacing("\"checksum\"", with: "\"sum\"", in: "log.jsonl")),
    Copy(
      name: "run-torn", of: "trained",
      change: .cut("checkpoints/step-00000004/model.safetensors", to: 100)),
    Copy(
      name: "state-version", of: "trained",
      change: .replacing(
        "\"formatVersion\" : 1,", with: "\"formatVersion\" : 9,",
        in: "checkpoints/step-00000004/training_state.json")),
    Copy(
      name: "tokens-shard", of: "tokens", change: .without("train-00000.bin")),
    Copy(
      name: "tokens-future", of: "tokens",
      change: .replacing("\"formatVersion\" : ", with: "\"formatVersion\" : 9", in: "manifest.json")
    ),
    Copy(name: "run-manifest", of: "trained", change: .with("run.json", Data("{}".utf8))),
    Copy(name: "run-gone", of: "trained", change: .without("run.json")),
    Copy(name: "run-log", of: "trained", change: .without("log.jsonl")),
    Copy(
      name: "run-words", of: "trained", change: .with("log.jsonl", Data("words\nand more\n".utf8))),
    Copy(name: "run-empty", of: "trained", change: .without("checkpoints")),
    Copy(
      name: "run-recipe", of: "trained", change: .with("recipe.yaml", Data("version: 9\n".utf8))),
    Copy(name: "tokens-manifest", of: "tokens", change: .with("manifest.json", Data("{}".utf8))),
    Copy(name: "tokens-gone", of: "tokens", change: .without("manifest.json")),
    Copy(name: "tokens-tokenizer", of: "tokens", change: .cut("tokenizer.json", to: 100)),
    Copy(
      name: "c-repeat", of: "llama",
      change: .with("generation_config.json", Data("{\"repetition_penalty\": 0}".utf8))),
    Copy(
      name: "c-size", of: "llama",
      change: .with("generation_config.json", Data("{\"no_repeat_ngram_size\": \"two\"}".utf8))),
    Copy(name: "wide", of: "llama", change: .with("growth.json", Data("{}".utf8))),
    Copy(name: "wide-json", of: "llama", change: .with("growth.json", Data("{".utf8))),
    Copy(
      name: "wide-version", of: "llama",
      change: .with("growth.json", Data("{\"formatVersion\": 9}".utf8))),
  ]

  /// Plans and receipts with a fault each.
  static let plans: [Copy] = planned + kept + received

  private static func copies(
    _ of: String, _ file: String, _ changes: KeyValuePairs<String, (String, String)>
  ) -> [Copy] {
    changes.map { name, change in
      Copy(name: name, of: of, change: .replacing(change.0, with: change.1, in: file))
    }
  }

  /// A plan to be followed.
  private static let planned = copies(
    "plans", "plan.json",
    [
      "plan-future": ("\"version\" : 1", "\"version\" : 9"),
      "plan-gone": ("\"stages\" :", "\"stadges\" :"),
      "plan-twice": ("\"lawSource\" :", "\"lawSource\" : \"mine\",\n  \"lawSource\" :"),
      "plan-steps": ("\"effectiveStart\" : 0", "\"effectiveStart\" : -4"),
      "plan-growth": ("\"effectiveStart\" : 0", "\"growth\" : {}, \"effectiveStart\" : 0"),
      "plan-tokens": ("\"tokensPerStep\" : 64", "\"tokensPerStep\" : -1"),
      "plan-words": ("\"computeCount\" : \"sixN\"", "\"computeCount\" : \"guess\""),
      "plan-comma": ("\"version\" : 1", "\"version\" : 1,"),
    ])

  /// The plan that a run keeps.
  private static let kept = copies(
    "staged", "plan.json",
    [
      "kept-gone": ("\"stages\"", "\"stadges\""), "kept-origin": ("\"recipe\"", "\"somewhere\""),
      "kept-twice": ("\"origin\":", "\"origin\": \"plan\",\n  \"origin\":"),
      "kept-until": ("15 steps", "fifteen"), "kept-grow": ("\"width\": 2", "\"width\": 0"),
      "kept-key": ("\"grow\"", "\"grwo\""),
      "kept-future": ("\"formatVersion\": 1", "\"formatVersion\": 9"),
      "kept-comma": ("\"formatVersion\": 1", "\"formatVersion\": 1,"),
    ])

  /// What a growth wrote of itself.
  private static let received = copies(
    "grown", "growth.json",
    [
      "grown-from": (",\"from\":0}", "}"), "grown-start": (",\"from\":0}", ",\"start\":\"odd\"}"),
      "grown-negative": (",\"from\":0}", ",\"from\":-1}"),
    ])

  /// Texts that are not in UTF-8.
  private static let encoded: [(String, Data)] = [
    ("u16.yaml", wide(.utf16LittleEndian, mark: [0xff, 0xfe])),
    ("u16le.yaml", wide(.utf16LittleEndian)), ("u16be.yaml", wide(.utf16BigEndian)),
    ("u32.yaml", wide(.utf32LittleEndian, mark: [0xff, 0xfe, 0, 0])),
    ("latin.yaml", Data("version: 1\nseed: 2 # f".utf8) + [0xfc] + Data("r\n".utf8)),
    ("u16.json", wide(.utf16BigEndian, mark: [0xfe, 0xff])),
    ("latin.json", Data("{\"a\":\n \"f".utf8) + [0xfc] + Data("r\"}\n".utf8)),
    ("latin.csv", Data("step,loss\n1,2 f".utf8) + [0xfc] + Data("r\n".utf8)),
    ("u16.csv", wide(.utf16LittleEndian, mark: [0xff, 0xfe])),
  ]

  private static func wide(_ encoding: String.Encoding, mark: [UInt8] = []) -> Data {
    Data(mark) + ("version: 1\nseed: 2\n".data(using: encoding) ?? Data())
  }

  private static let written: [(String, Data)] = [recipes, merges, families, texts, tokenizers]
    .flatMap { $0 }.map { ($0.0, Data($0.1.utf8)) }

  /// Single files.
  static let all: [(String, Data)] =
    written + encoded + [
      ("broken.txt.gz", Data([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3])),
      ("short.jsonl.gz", Data([0x1f, 0x8b, 8])), ("latin.txt", Data([0x66, 0xfc, 0x72, 0x0a])),
      ("wide.txt", Data([0xff, 0xfe, 0x61, 0, 0x62, 0])), ("zeros.txt", Data(count: 64)),
      ("picture.txt", Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])),
      ("pickle/pytorch_model.bin", Data([0x80, 2])),
      ("pickle/config.json", Data(#"{"model_type": "llama"}"#.utf8)),
    ]

  private static let texts: [(String, String)] = [
    ("blank.txt", ""), ("few.txt", "a b"), ("nothing.jsonl", "\n"), ("words.jsonl", "words\n"),
    ("no-text.jsonl", "{\"body\": \"a\"}\n"), ("number.jsonl", "{\"text\": 7}\n"),
    ("cut.jsonl", "{\"text\": \"a\n"), ("list.jsonl", "[1]\n"),
    ("folder/notes.rst", "a\n"), ("folder/table.csv", "a,b\n"),
    ("key.jsonl", "{text: \"a\"}\n"), ("escape.jsonl", "{\"text\": \"\\q\"}\n"),
    ("hex.jsonl", "{\"text\": \"\\u12\"}\n"), ("comma.jsonl", "{\"text\": \"a\" \"b\": 1}\n"),
    ("null.jsonl", "{\"text\": null}\n"), ("more.jsonl", "{\"text\": \"a\"} x\n"),
    ("pieces.json", "{}"), ("pieces-short.json", "[\"a\"]"), ("pieces-number.json", "[1]"),
    ("empty.txt.gz", ""),
    ("lambada.jsonl", "{\"words\": \"a b\"}\n"), ("one-word.jsonl", "{\"text\": \"alone\"}\n"),
  ]

  private static let recipes: [(String, String)] = [
    ("documents.yaml", "version: 1\n---\nversion: 1\n"), ("merge.yaml", "<<: 7\nversion: 1\n"),
    ("key.yaml", "version: 1\n? [a, b]\n: 1\n"),
    ("plan-format.json", "{\"version\": 9, \"stages\": []}"),
    ("plan-empty.json", "{\"version\": 1, \"stages\": []}"),
    ("list.yaml", "- a\n- b\n"), ("blank.yaml", ""), ("broken.yaml", "model: {layers: 1\n"),
    ("deep.yaml", String(repeating: "a: {", count: 70) + String(repeating: "}", count: 70) + "\n"),
    ("nul.yaml", "version: 1\nseed: 2\n\u{0}"),
    ("vast.yaml", "model: [\(String(repeating: "1,", count: 100_000))1]\n"),
    ("tab.yaml", "model:\n\tlayers: 1\n"), ("twice.yaml", "version: 1\nversion: 1\n"),
    ("alias.yaml", "model: *nothing\n"), ("loop.yaml", "model: &a\n  x: *a\n"),
    (
      "stranger.yaml",
      "version: 1\nn_layer: 12\nout_dir: out\nlearning_rate: 6e-4\nflavour: sweet\n"
    ),
    (
      "mistakes.yaml",
      "version: 1\nmodel: {architecture: gpt3, layers: -1, hidden: wide, heads: 0, context: 1.5}\n"
        + "tokenizer: {kind: wordpiece}\ndata: {train: nowhere.txt}\nbatch: {sequences: many}\n"
        + "schedule: {kind: cubic, peak: low}\n"
    ),
  ]

  private static let merges: [(String, String)] = [
    ("m-list.yml", "- a\n"), ("m-method.yml", "merge_method: slerp\nslices: []\n"),
    ("m-empty.yml", "merge_method: passthrough\nslices: []\n"),
    ("m-nothing.yml", "merge_method: passthrough\n"),
    (
      "m-range.yml",
      "merge_method: passthrough\nslices:\n- sources: [{model: m, layer_range: [0, 9]}]\n"
    ),
    (
      "m-three.yml",
      "merge_method: passthrough\nslices:\n- sources: [{model: m, layer_range: [0, 1, 2]}]\n"
    ),
    (
      "m-back.yml",
      "merge_method: passthrough\nslices:\n- sources: [{model: m, layer_range: [2, 1]}]\n"
    ),
    (
      "m-models.yml",
      "merge_method: passthrough\nslices:\n- sources: [{model: a, layer_range: [0, 1]}]\n"
        + "- sources: [{model: b, layer_range: [1, 2]}]\n"
    ),
    ("m-words.yml", "merge_method: passthrough\nslices: words\n"),
    (
      "m-dtype.yml",
      "merge_method: passthrough\ndtype: int4\nslices:\n- sources: [{model: m, layer_range: [0, 2]}]\n"
    ),
    (
      "m-key.yml",
      "merge_method: passthrough\nflavour: 1\nslices:\n- sources: [{model: m, layer_range: [0, 2]}]\n"
    ),
    (
      "m-scale.yml",
      "merge_method: passthrough\nslices:\n- sources: [{model: m, layer_range: [0, 2], parameters: "
        + "{scale: much}}]\n"
    ),
  ]

  private static let families: [(String, String)] = [
    ("f-list.yaml", "- a\n"), ("f-empty.yaml", ""), ("f-json.json", "{"),
    ("f-key.yaml", "name: mine\nflavour: sweet\n"), ("f-number.yaml", "name: 7\n"),
  ]

  private static let tokenizers: [(String, String)] = [
    ("t-empty.json", ""), ("t-list.json", "[]"), ("t-none.json", "{}"),
    ("t-model.json", #"{"model": {"type": "WordPiece", "vocab": {}}}"#),
    ("t-unigram.json", #"{"model": {"type": "Unigram", "vocab": []}}"#),
    ("t-vocab.json", #"{"model": {"type": "BPE", "vocab": [], "merges": []}}"#),
    ("t-merges.json", #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}"#),
    ("t-ids.json", #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}"#),
    ("t-gap.json", #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 7}, "merges": []}}"#),
    ("t-negative.json", #"{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}"#),
    (
      "t-normalizer.json",
      #"{"normalizer": {"type": "Odd"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#
    ),
    (
      "t-split.json",
      #"{"pre_tokenizer": {"type": "Odd"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#
    ),
    (
      "t-decoder.json",
      #"{"decoder": {"type": "Odd"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#
    ),
    (
      "t-added.json",
      #"{"added_tokens": [{"id": -1}], "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#
    ),
  ]
}
