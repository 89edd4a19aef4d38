// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Testing

@Suite("Hostile config.json") struct HostileConfigurationTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var base = "llama"
    /// Members that are changed or added, as JSON.
    var change: String
    var code: ArchitecturesError.Code = .malformedFile
    /// What the message must say: the key and the value.
    var says: [String]
    var testDescription: String { "\(base) \(change)" }
  }

  static let cases = [
    Case(change: #""hidden_size": -8"#, says: ["hidden_size", "-8"]).invalid,
    Case(change: #""hidden_size": 0"#, says: ["hidden_size: 0 is outside"]).invalid,
    Case(change: #""hidden_size": 1e30"#, says: ["hidden_size", "1e30", "a whole number"]),
    Case(change: #""hidden_size": 9223372036854775808"#, says: ["hidden_size"]),
    Case(change: #""hidden_size": 9223372036854775804"#, says: ["hidden_size"]).invalid,
    Case(change: #""hidden_size": 8.5"#, says: ["hidden_size", "8.5"]),
    Case(change: #""hidden_size": "8""#, says: ["hidden_size", "\"8\"", "a whole number"]),
    Case(change: #""hidden_size": true"#, says: ["hidden_size", "true"]),
    Case(change: #""hidden_size": [8]"#, says: ["hidden_size", "a list"]),
    Case(change: #""hidden_size": {"a": 8}"#, says: ["hidden_size", "an object"]),
    Case(change: #""hidden_size": null"#, says: ["hidden_size", "missing"]),
    Case(change: #""hidden_size": 9"#, says: ["hidden_size", "9", "multiple", "4 heads"]),
    Case(change: #""num_attention_heads": 0"#, says: ["multiple of the 0 heads"]),
    Case(change: #""num_attention_heads": -9223372036854775808"#, says: ["multiple"]),
    Case(change: #""num_hidden_layers": -1"#, says: ["num_hidden_layers: -1"]).invalid,
    Case(change: #""num_hidden_layers": 4611686018427387904"#, says: ["num_hidden_layers: 46"])
      .invalid,
    Case(change: #""vocab_size": 1000000000000"#, says: ["vocab_size: 1000000000000"]).invalid,
    Case(change: #""num_key_value_heads": 3"#, says: ["num_key_value_heads: 3"]).invalid,
    Case(change: #""head_dim": 3"#, says: ["head_dim", "odd"]).invalid,
    Case(change: #""rms_norm_eps": "1e-5""#, says: ["rms_norm_eps", "a number"]),
    Case(change: #""rms_norm_eps": NaN"#, says: ["rms_norm_eps", "NaN"]),
    Case(change: #""rms_norm_eps": 1e999"#, says: ["rms_norm_eps", "1e999"]),
    Case(change: #""rms_norm_eps": 1e39"#, says: ["rms_norm_eps: 1e+39"]).invalid,
    // transformers 5.24 reads these, and then makes no model.
    Case(change: #""dtype": 5"#, says: ["dtype", "5", "a string"]),
    Case(change: #""torch_dtype": 5"#, says: ["torch_dtype", "5", "a string"]),
    Case(change: #""rms_norm_eps": -1"#, says: ["rms_norm_eps: -1"]).invalid,
    Case(change: #""rope_theta": 0"#, says: ["rope_theta: 0"]).invalid,
    Case(change: #""tie_word_embeddings": 1"#, says: ["tie_word_embeddings", "true or false"]),
    Case(change: #""eos_token_id": [2, "x"]"#, says: ["eos_token_id", "token id"]),
    Case(change: #""model_type": 3"#, says: ["model_type", "3", "a string"]),
    Case(change: #""espalier_logit_scale": 0"#, says: ["espalier_logit_scale: 0"]).invalid,
    Case(change: #""attention_bias": 1"#, says: ["attention_bias"]),
    Case(change: #""mlp_bias": "yes""#, says: ["mlp_bias"]),
    Case(change: #""hidden_act": "relu2""#, says: ["hidden_act", "relu2", "silu"]).unsupported,
    Case(
      change: #""layer_types": ["full_attention", "sliding_attention"]"#, says: ["layer_types"]
    ).unsupported,
    Case(
      change: #""layer_types": ["full_attention", "full_attention"]"#,
      says: ["layer_types", "2 layers, and the model has 1"]
    ).unsupported,
    Case(change: #""layer_types": ["full"]"#, says: ["layer_types", "full_attention"]).unsupported,
    Case(
      change: #""layer_types": ["full_attention"], "mlp_layer_types": ["dense", "dense"]"#,
      says: ["mlp_layer_types", "2 layers, and the model has 1"]
    ).unsupported,
    Case(
      change: #""layer_types": ["full_attention"], "mlp_layer_types": ["x"]"#,
      says: ["mlp_layer_types", "sparse"]
    ).unsupported,
    Case(
      change: #""partial_rotary_factor": 0.5, "rope_scaling": {"type": "linear", "factor": 2}"#,
      says: ["partial_rotary_factor"]
    ).unsupported,
    Case(change: #""is_causal": false"#, says: ["is_causal"]).unsupported,
    Case(change: #""per_layer_config": {"0": {}}"#, says: ["per_layer_config"]).unsupported,
    Case(
      change: #""rope_parameters": {"full_attention": {"rope_theta": 5.0}}"#,
      says: ["rope_parameters.full_attention", "one table"]
    ).unsupported,
    Case(change: #""quantization_config": {}"#, says: ["quantization_config"]).unsupported,
    Case(
      change: #""rope_scaling": {"rope_type": "yarn", "factor": 4}"#,
      says: ["rope_scaling.rope_type", "yarn", "llama3"]
    ).unsupported,
    Case(change: #""rope_scaling": {"type": "linear"}"#, says: ["rope_scaling.factor", "missing"]),
    Case(change: #""rope_scaling": 4"#, says: ["rope_scaling", "4", "an object"]),
    Case(
      change: #""rope_parameters": {"rope_type": "linear", "rope_theta": 10.0, "factor": -1}"#,
      says: ["rope_scaling.factor"]
    ).invalid,
    Case(
      base: "gpt2", change: #""activation_function": "relu""#,
      says: ["activation_function", "relu", "gelu_new"]
    ).unsupported,
    Case(
      base: "gpt2", change: #""scale_attn_by_inverse_layer_idx": true"#,
      says: ["scale_attn_by_inverse_layer_idx"]
    ).unsupported,
    Case(
      base: "gpt2", change: #""reorder_and_upcast_attn": true"#, says: ["reorder_and_upcast_attn"]
    ).unsupported,
    Case(
      base: "gpt2", change: #""add_cross_attention": true"#, says: ["add_cross_attention"]
    ).unsupported,
    Case(
      base: "gpt2", change: #""scale_attn_weights": false"#, says: ["scale_attn_weights"]
    ).unsupported,
    Case(base: "gpt2", change: #""resid_pdrop": 1.5"#, says: ["resid_pdrop: 1.5"]).invalid,
    Case(base: "gpt2", change: #""n_embd": 4611686018427387904"#, says: ["n_embd: 46"]).invalid,
    Case(base: "gpt2", change: #""n_positions": []"#, says: ["n_positions", "a list"]),
  ]

  @Test("Errors name file, key, value and what was expected", arguments: cases)
  func values(test: Case) throws {
    let base = test.base == "llama" ? llamaKeys : Self.gpt2Keys
    let key = try #require(test.change.split(separator: "\"").first)
    let kept = base.split(separator: ",").filter { !$0.contains("\"\(key)\"") }
    let text = "{\((kept + [Substring(test.change)]).joined(separator: ","))}"
    let error = #expect(throws: ArchitecturesError.self) {
      try HuggingFaceConfiguration(Data(text.utf8), file: "here/config.json")
    }
    #expect(error?.code == test.code)
    #expect(error?.subject == "here/config.json")
    for part in test.says { #expect(error?.message.contains(part) == true, "\(error as Any)") }
  }

  @Test(
    "What is no JSON object says where",
    arguments: [
      "", "{", "[1]", "{\"a\":1", "{\"a\" 1}", "{\"a\":01}", "{\"a\":1}x", "{\"a\":1,}",
      "{\"a\":\"\\x\"}", "{\"a\":\"\n\"}", "{a:1}",
      "{\"a\":tru}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":\"", "null",
      String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 1_000_000),
    ])
  func malformed(text: String) throws {
    let error = #expect(throws: ArchitecturesError.self) {
      try HuggingFaceConfiguration(Data(text.utf8))
    }
    #expect(error?.code == .malformedFile)
    #expect(error?.message.contains("JSON") == true)
  }

  @Test("Of a key that stands twice the last value counts, also where a file is written again")
  func repeatedKeys() throws {
    let text = "{\(llamaKeys),\"rms_norm_eps\":0.5,\"vocab_size\":13,\"vocab_size\":17}"
    var configuration = try HuggingFaceConfiguration(Data(text.utf8))
    #expect(configuration.model.vocabularySize == 17)
    #expect(configuration.model.normEpsilon == 0.5)
    configuration.model.vocabularySize = 19
    let written = String(decoding: try configuration.encoded(), as: UTF8.self)
    #expect(written.components(separatedBy: "\"vocab_size\"").count == 2, "\(written)")
    #expect(try HuggingFaceConfiguration(Data(written.utf8)).model.vocabularySize == 19)
  }

  @Test("What transformers reads is read: half a surrogate pair, ε 0 and above 1, dropout 1, depth")
  func odd() throws {
    let deep = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    for member in [
      #""_name_or_path":"a\ud800b""#, #""rms_norm_eps":0.0"#, #""rms_norm_eps":2.5"#,
      #""attention_dropout":1.0"#, #""x":\#(deep)"#,
    ] {
      let text = "{\(llamaKeys),\(member)}"
      let configuration = try HuggingFaceConfiguration(Data(text.utf8))
      #expect(try configuration.encoded() == Data(text.utf8))
    }
    let text = "{\(llamaKeys),\"rms_norm_eps\":0.0,\"attention_dropout\":1.0}"
    let model = try HuggingFaceConfiguration(Data(text.utf8)).model
    #expect(model.normEpsilon == 0 && model.dropout.attention == 1)
  }

  @Test("A file that nests too deep is not said to be no JSON")
  func deep() throws {
    let deep = String(repeating: "[", count: 200) + String(repeating: "]", count: 200)
    let error = #expect(throws: ArchitecturesError.self) {
      try HuggingFaceConfiguration(Data("{\(llamaKeys),\"x\":\(deep)}".utf8))
    }
    #expect(error?.message.contains("nests deeper than 128 levels") == true)
    #expect(error?.message.contains("not JSON") == false)
  }

  @Test("Bytes that are not UTF-8, and every cut of a file")
  func bytes() throws {
    let text = Array("{\(llamaKeys),\"x\":[1,\"\\u00e9\"]}".utf8)
    for count in 0..<text.count {
      #expect(throws: ArchitecturesError.self) {
        try HuggingFaceConfiguration(Data(text.prefix(count)))
      }
    }
    var broken = text
    broken[text.count - 5] = 0xFF
    #expect(throws: ArchitecturesError.self) { try HuggingFaceConfiguration(Data(broken)) }
    #expect(throws: Never.self) { try HuggingFaceConfiguration(Data(text)) }
  }

  @Test("A family without a program is named with those that have one")
  func otherFamily() throws {
    let error = #expect(throws: ArchitecturesError.self) {
      try HuggingFaceConfiguration(Data(#"{"model_type": "mamba"}"#.utf8))
    }
    #expect(error?.code == .unsupportedArchitecture)
    #expect(error?.message.contains("\"mamba\"") == true)
    #expect(error?.message.contains("\"gpt2\", \"llama\"") == true)
  }

  private static let gpt2Keys = """
    "model_type":"gpt2","n_layer":1,"n_head":2,"n_embd":8,"vocab_size":11,"n_positions":6
    """
}

extension HostileConfigurationTests.Case {
  /// The file can be read, but no model can be so.
  fileprivate var invalid: Self {
    var copy = self
    copy.code = .invalidConfiguration
    return copy
  }
  /// A model can be so, but not here.
  fileprivate var unsupported: Self {
    var copy = self
    copy.code = .unsupportedFeature
    return copy
  }
}
