// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing

@Suite("Head sizes that config.json cannot leave out") struct OddHeadSizeTests {
  @Test(
    "a hidden size that is no multiple of the heads is read as written", arguments: [43, 44, 40])
  func roundTrip(_ hiddenSize: Int) throws {
    for family in DecoderFamily.known {
      var traits = family.traits
      if family.tensors.router != nil { traits.experts = .init(count: 4, perToken: 2) }
      let model = ModelConfiguration(
        family: family, traits: traits, layerCount: 2, hiddenSize: hiddenSize, headCount: 10,
        headSize: 4, intermediateSize: 12, vocabularySize: 32, contextLength: 16,
        rotary: traits.positions == .rotary ? RotaryEmbedding() : nil, tiesHead: false)
      let file = try HuggingFaceConfiguration(model).encoded()
      let read = try HuggingFaceConfiguration(file, file: family.name).model
      #expect(read.hiddenSize == hiddenSize && read.headCount == 10, "\(family.name)")
      #expect(read.headSize == 4, "\(family.name)")
    }
  }
}
