// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import Testing

@Suite("config.json") struct HuggingFaceConfigurationTests {
  /// Written by transformers 5.
  private func golden(_ name: String) throws -> Data {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try Data(
      contentsOf: root.appendingPathComponent(
        "Tests/GoldenModels/Goldens/\(name)/config.json"))
  }

  @Test("GPT-2 as transformers writes it")
  func readGPT2() throws {
    let configuration = try HuggingFaceConfiguration(try golden("gpt2"))
    #expect(
      configuration.model
        == ModelConfiguration(
          architecture: .gpt2, layerCount: 2, hiddenSize: 40, headCount: 4, intermediateSize: 92,
          vocabularySize: 131, contextLength: 32, normEpsilon: 2e-5, tiesHead: true))
    #expect(configuration.beginOfTextToken == 0 && configuration.endOfTextTokens == [0])
    #expect(configuration.weightType == .float32)
  }

  @Test("Llama as transformers writes it")
  func readLlama() throws {
    let configuration = try HuggingFaceConfiguration(try golden("llama-untied"))
    #expect(
      configuration.model
        == ModelConfiguration(
          architecture: .llama, layerCount: 2, hiddenSize: 40, headCount: 4, keyValueHeadCount: 2,
          headSize: 12, intermediateSize: 72, vocabularySize: 97, contextLength: 32,
          normEpsilon: 3e-5,
          rotary: RotaryEmbedding(
            base: 1000,
            scaling: .llama3(
              factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4,
              originalContextLength: 24)),
          tiesHead: false))
    #expect(configuration.endOfTextTokens == [2])
  }

  @Test("Unchanged, the bytes come back", arguments: ["gpt2", "llama", "llama-untied"])
  func unchanged(name: String) throws {
    let data = try golden(name)
    #expect(try HuggingFaceConfiguration(data).encoded() == data)
    let odd = Data(#"  {"zoo":[1.50,NaN,{"ä":"\u00e9\ud83d\ude00"}],\#(llamaKeys)}  "#.utf8)
    #expect(try HuggingFaceConfiguration(odd).encoded() == odd)
  }

  @Test("Changed, the other lines stay", arguments: ["gpt2", "llama", "llama-untied"])
  func changed(name: String) throws {
    let data = try golden(name)
    var configuration = try HuggingFaceConfiguration(data)
    configuration.model.layerCount = 7
    configuration.model.logitScale = 0.25
    configuration.endOfTextTokens = [5, 6]
    configuration.weightType = .bfloat16
    let encoded = try configuration.encoded()
    let (before, after) = (lines(data), lines(encoded))
    let added = Set(after).subtracting(before)
    #expect(
      added == [
        name == "gpt2" ? #""n_layer": 7"# : #""num_hidden_layers": 7"#,
        #""espalier_logit_scale": 0.25"#, #""eos_token_id": ["#, "5", "6",
        #""dtype": "bfloat16""#,
      ])
    #expect(Set(before).subtracting(after).count == 3)
    let again = try HuggingFaceConfiguration(encoded)
    #expect(again.model == configuration.model)
    #expect(again.endOfTextTokens == [5, 6] && again.weightType == .bfloat16)
    #expect(try again.encoded() == encoded)
  }

  @Test("A changed rotary embedding goes where the file has it")
  func changedRotary() throws {
    var new = try HuggingFaceConfiguration(try golden("llama"))
    new.model.rotary = RotaryEmbedding(base: 700, scaling: .linear(factor: 2))
    var text = String(decoding: try new.encoded(), as: UTF8.self)
    #expect(text.contains("rope_parameters") && !text.contains("rope_scaling"))
    #expect(try HuggingFaceConfiguration(Data(text.utf8)).model == new.model)

    var old = try HuggingFaceConfiguration(Data("{\(llamaKeys)}".utf8))
    old.model.rotary = new.model.rotary
    text = String(decoding: try old.encoded(), as: UTF8.self)
    #expect(text.contains("rope_scaling") && !text.contains("rope_parameters"))
    #expect(try HuggingFaceConfiguration(Data(text.utf8)).model == old.model)
  }

  @Test("Both ways, for whatever a model can have")
  func roundTrip() throws {
    var models = SmallModel.all + KnownModel.all.map(\.configuration)
    for index in models.indices {
      models[index].logitScale = 0.5
      models[index].dropout = DropoutRates(embedding: 0.1, attention: 0.25, residual: 1e-7)
      models[index].normEpsilon = 1.2345678901234567e-6
    }
    var wide = SmallModel.gpt2
    wide.headSize = 5
    wide.keyValueHeadCount = 1
    var stretched = SmallModel.llama
    stretched.rotary = RotaryEmbedding(base: 12345.678, scaling: .linear(factor: 2.5))
    var published = SmallModel.llama
    published.rotary = RotaryEmbedding(
      base: 500_000,
      scaling: .llama3(
        factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192))
    for model in models + SmallModel.all + [wide, stretched, published] {
      let encoded = try HuggingFaceConfiguration(
        model, beginOfTextToken: 1, endOfTextTokens: [2, 3], weightType: .bfloat16
      ).encoded()
      let read = try HuggingFaceConfiguration(encoded)
      #expect(read.model == model)
      #expect(read.beginOfTextToken == 1 && read.endOfTextTokens == [2, 3])
      #expect(read.weightType == .bfloat16)
    }
  }

  @Test("A fresh file has what transformers needs, and nothing of ours without need")
  func fresh() throws {
    let gpt2 = try HuggingFaceConfiguration(SmallModel.gpt2, endOfTextTokens: [10]).encoded()
    #expect(
      String(decoding: gpt2, as: UTF8.self) == """
        {
          "activation_function": "gelu_new",
          "architectures": [
            "GPT2LMHeadModel"
          ],
          "attn_pdrop": 0.0,
          "bos_token_id": null,
          "embd_pdrop": 0.0,
          "eos_token_id": 10,
          "layer_norm_epsilon": 1e-05,
          "model_type": "gpt2",
          "n_embd": 8,
          "n_head": 2,
          "n_inner": 12,
          "n_layer": 3,
          "n_positions": 6,
          "resid_pdrop": 0.0,
          "tie_word_embeddings": true,
          "torch_dtype": "float32",
          "vocab_size": 11
        }

        """)
    let llama = try HuggingFaceConfiguration(SmallModel.llama).encoded()
    #expect(
      String(decoding: llama, as: UTF8.self) == """
        {
          "architectures": [
            "LlamaForCausalLM"
          ],
          "attention_bias": false,
          "attention_dropout": 0.0,
          "bos_token_id": null,
          "eos_token_id": null,
          "head_dim": 6,
          "hidden_act": "silu",
          "hidden_size": 8,
          "intermediate_size": 12,
          "max_position_embeddings": 6,
          "mlp_bias": false,
          "model_type": "llama",
          "num_attention_heads": 4,
          "num_hidden_layers": 3,
          "num_key_value_heads": 2,
          "rms_norm_eps": 1e-05,
          "rope_scaling": null,
          "rope_theta": 10000.0,
          "tie_word_embeddings": false,
          "torch_dtype": "float32",
          "vocab_size": 11
        }

        """)
  }

  @Test("Older files: n_ctx, which transformers does not heed, no head size, its defaults")
  func olderFiles() throws {
    let gpt2 = try HuggingFaceConfiguration(
      Data(
        #"{"model_type":"gpt2","n_ctx":16,"n_embd":12,"n_head":3,"n_layer":1,"vocab_size":9}"#
          .utf8)
    ).model
    #expect(gpt2.contextLength == 1024 && gpt2.headSize == 4 && gpt2.intermediateSize == 48)
    #expect(gpt2.normEpsilon == 1e-5 && gpt2.tiesHead && gpt2.dropout.residual == 0.1)
    let llama = try HuggingFaceConfiguration(Data("{\(llamaKeys)}".utf8)).model
    #expect(llama.headSize == 2 && llama.keyValueHeadCount == 4 && !llama.tiesHead)
    #expect(llama.normEpsilon == 1e-6 && llama.rotary == RotaryEmbedding())
  }

  @Test("Another family than the file's starts a file of its own")
  func otherFamily() throws {
    var configuration = try HuggingFaceConfiguration(try golden("gpt2"))
    configuration.model = SmallModel.llama
    let text = String(decoding: try configuration.encoded(), as: UTF8.self)
    #expect(text.contains("LlamaForCausalLM") && !text.contains("n_embd"))
  }

  private func lines(_ data: Data) -> [String] {
    String(decoding: data, as: UTF8.self).split(separator: "\n").map {
      $0.trimmingCharacters(in: CharacterSet(charactersIn: " ,"))
    }
  }
}

/// The members that a Llama's file cannot do without.
let llamaKeys = """
  "model_type":"llama","num_hidden_layers":1,"num_attention_heads":4,"hidden_size":8,\
  "intermediate_size":12,"vocab_size":11,"max_position_embeddings":6
  """
