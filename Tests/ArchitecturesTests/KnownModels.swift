// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing

/// Published models with their published sizes.
struct KnownModel: Sendable, CustomTestStringConvertible {
  var name: String
  var configuration: ModelConfiguration
  var parameterCount: Int
  /// Without token and position embeddings and a head of its own.
  var countWithoutEmbeddings: Int

  var testDescription: String { name }

  static let all = [
    gpt2("GPT-2 124M", layers: 12, hidden: 768, heads: 12, 124_439_808, 85_056_000),
    gpt2("GPT-2 355M", layers: 24, hidden: 1024, heads: 16, 354_823_168, 302_311_424),
    gpt2("GPT-2 774M", layers: 36, hidden: 1280, heads: 20, 774_030_080, 708_390_400),
    gpt2("GPT-2 1.5B", layers: 48, hidden: 1600, heads: 25, 1_557_611_200, 1_475_561_600),
    KnownModel(
      name: "Llama 2 7B",
      configuration: ModelConfiguration(
        architecture: .llama, layerCount: 32, hiddenSize: 4096, headCount: 32,
        intermediateSize: 11008, vocabularySize: 32000, contextLength: 4096,
        rotary: RotaryEmbedding(), tiesHead: false),
      parameterCount: 6_738_415_616, countWithoutEmbeddings: 6_476_271_616),
    KnownModel(
      name: "Llama 3 8B",
      configuration: ModelConfiguration(
        architecture: .llama, layerCount: 32, hiddenSize: 4096, headCount: 32,
        keyValueHeadCount: 8, intermediateSize: 14336, vocabularySize: 128256,
        contextLength: 8192, rotary: RotaryEmbedding(base: 500_000), tiesHead: false),
      parameterCount: 8_030_261_248, countWithoutEmbeddings: 6_979_588_096),
  ]

  private static func gpt2(
    _ name: String, layers: Int, hidden: Int, heads: Int, _ total: Int, _ withoutEmbeddings: Int
  ) -> KnownModel {
    KnownModel(
      name: name,
      configuration: ModelConfiguration(
        architecture: .gpt2, layerCount: layers, hiddenSize: hidden, headCount: heads,
        intermediateSize: 4 * hidden, vocabularySize: 50257, contextLength: 1024, tiesHead: true),
      parameterCount: total, countWithoutEmbeddings: withoutEmbeddings)
  }
}

/// Small models of both families.
enum SmallModel {
  static let gpt2 = ModelConfiguration(
    architecture: .gpt2, layerCount: 3, hiddenSize: 8, headCount: 2, intermediateSize: 12,
    vocabularySize: 11, contextLength: 6, tiesHead: true)
  static let llama = ModelConfiguration(
    architecture: .llama, layerCount: 3, hiddenSize: 8, headCount: 4, keyValueHeadCount: 2,
    headSize: 6, intermediateSize: 12, vocabularySize: 11, contextLength: 6,
    rotary: RotaryEmbedding(), tiesHead: false)
  static var tiedLlama: ModelConfiguration {
    var copy = llama
    copy.tiesHead = true
    return copy
  }
  static var untiedGPT2: ModelConfiguration {
    var copy = gpt2
    copy.tiesHead = false
    return copy
  }
  static let all = [gpt2, untiedGPT2, llama, tiedLlama]
}
