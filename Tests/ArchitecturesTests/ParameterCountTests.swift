// SPDX-License-Identifier: Apache-2.0
import Architectures
import Testing

@Suite("Parameter counts") struct ParameterCountTests {
  @Test("Known models", arguments: KnownModel.all)
  func knownModels(model: KnownModel) throws {
    let count = try model.configuration.parameterCount()
    #expect(count.total == model.parameterCount)
    #expect(count.withoutEmbeddings == model.countWithoutEmbeddings)
    #expect(count.trainingFLOPsBySixN == 6 * Double(model.countWithoutEmbeddings))
  }

  @Test("Counting by one block equals counting every parameter", arguments: SmallModel.all)
  func shortcut(configuration: ModelConfiguration) throws {
    for layers in [0, 1, 3] {
      var model = configuration
      model.layerCount = layers
      let count = try model.parameterCount()
      let program = try model.program()
      #expect(count == program.parameterCount)
      #expect(count.total == program.parameters.reduce(0) { $0 + $1.shape.elementCount })
    }
  }

  @Test("Roles")
  func roles() throws {
    let count = try SmallModel.gpt2.parameterCount()
    #expect(count[.tokenEmbedding] == 88)
    #expect(count[.positionEmbedding] == 48)
    #expect(count[.head] == 0)
    #expect(count[.weight(.queryKeyValue)] == 3 * 8 * 24)
    #expect(count[.bias(.feedForwardUp)] == 3 * 12)
    #expect(count[.normGain(.final)] == 8)
    #expect(try SmallModel.llama.parameterCount()[.head] == 88)
  }
}
