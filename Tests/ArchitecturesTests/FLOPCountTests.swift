// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing

@Suite("Floating-point operations") struct FLOPCountTests {
  /// By hand: a block's matrices have 12 · hidden² elements in GPT-2, and attention takes two
  /// products of hidden · keys multiplications.
  @Test("GPT-2 by hand", arguments: KnownModel.all.prefix(4))
  func gpt2(model: KnownModel) throws {
    let c = model.configuration
    let (layers, hidden) = (Double(c.layerCount), Double(c.hiddenSize))
    let full = try c.floatingPointOperations(sequenceLength: 1024, attention: .full)
    #expect(full.linear == layers * 24 * hidden * hidden)
    #expect(full.attention == layers * 4 * 1024 * hidden)
    #expect(full.head == 2 * 50257 * hidden)
    #expect(full.training == 3 * (full.linear + full.attention + full.head))
    #expect(full.backward == 2 * full.forward)
    let causal = try c.floatingPointOperations(sequenceLength: 1024)
    #expect(causal.attention == layers * 4 * 512.5 * hidden)
    #expect(causal.linear == full.linear)
  }

  @Test("Llama 3 8B by hand: 4096 wide, keys and values 1024, 32 blocks")
  func llama() throws {
    let count = try KnownModel.all[5].configuration.floatingPointOperations(
      sequenceLength: 8192, attention: .full)
    let attentionMatrices = 4096.0 * (4096 + 1024 + 1024 + 4096)
    let feedForward = 3.0 * 4096 * 14336
    #expect(count.linear == 32 * 2 * (attentionMatrices + feedForward))
    #expect(count.attention == 32 * 2 * 2 * 8192 * 4096)
    #expect(count.head == 2 * 4096 * 128256)
  }

  @Test("Mixtral 8x7B by hand: two of eight experts, and what chooses them")
  func mixtral() throws {
    var model = KnownModel.all[5].configuration
    model.family = .mixtral
    model.traits.experts = .init(count: 8, perToken: 2)
    let count = try model.floatingPointOperations(sequenceLength: 8192, attention: .full)
    let attentionMatrices = 4096.0 * (4096 + 1024 + 1024 + 4096)
    let feedForward = 2 * 3.0 * 4096 * 14336 + 8 * 4096
    #expect(count.linear == 32 * 2 * (attentionMatrices + feedForward))
  }

  /// Multiplications of the causal triangle counted one by one.
  @Test("The causal triangle, pair by pair")
  func triangle() throws {
    let length = 5
    var operations = 0
    for query in 0..<length {
      for _ in 0...query { operations += 2 * 2 * 6 * 4 }
    }
    let count = try SmallModel.llama.floatingPointOperations(sequenceLength: length)
    #expect(count.attention * Double(length) == Double(3 * operations))
  }

  /// Multiplications inside the band counted one by one.
  @Test("A window, pair by pair", arguments: [1, 3, 4, 7, 8, 20], [1, 4, 7])
  func window(window: Int, length: Int) throws {
    var model = SmallModel.llama
    model.family = .mistral
    model.traits.window = window
    var operations = 0
    for query in 0..<length {
      for key in 0...query where query - key < window { operations += 2 * 2 * 6 * 4 }
    }
    let count = try model.floatingPointOperations(sequenceLength: length)
    #expect(abs(count.attention * Double(length) - Double(3 * operations)) < 1e-9)
    let full = try model.floatingPointOperations(sequenceLength: length, attention: .full)
    #expect(full.attention == Double(3 * min(window, length) * 2 * 2 * 6 * 4))
    #expect(try count == model.program().floatingPointOperations(sequenceLength: length))
  }

  @Test("Counting by one block equals counting every operation", arguments: SmallModel.all)
  func shortcut(configuration: ModelConfiguration) throws {
    let program = try configuration.program()
    for extent in [FLOPCount.AttentionExtent.causal, .full] {
      #expect(
        try configuration.floatingPointOperations(sequenceLength: 6, attention: extent)
          == program.floatingPointOperations(sequenceLength: 6, attention: extent))
    }
  }

  @Test("Products exceed 6 N by the head and attention only", arguments: KnownModel.all)
  func sixN(model: KnownModel) throws {
    let count = try model.configuration.floatingPointOperations(sequenceLength: 1)
    let sixN = try model.configuration.parameterCount().trainingFLOPsBySixN
    // Norms and biases are in N but in no product: under two parts in a thousand.
    #expect(3 * count.linear <= sixN)
    #expect(3 * count.linear > 0.998 * sixN)
  }
}
