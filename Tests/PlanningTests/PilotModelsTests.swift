// SPDX-License-Identifier: Apache-2.0
import Architectures
import Planning
import Testing

@Suite struct PilotModelsTests {
  private func model(layers: Int, hidden: Int, heads: Int) -> ModelConfiguration {
    ModelConfiguration(
      architecture: .gpt2, layerCount: layers, hiddenSize: hidden, headCount: heads,
      intermediateSize: 4 * hidden, vocabularySize: 1000, contextLength: 256, tiesHead: true)
  }

  @Test func sizesFallByTheRatio() throws {
    let target = model(layers: 12, hidden: 768, heads: 12)
    let pilots = try PilotModels.choose(for: target, count: 4, ratio: 3)
    let size = Double(try target.parameterCount().withoutEmbeddings)
    for (index, pilot) in pilots.reversed().enumerated() {
      #expect(IntegerGrowth().obstacle(from: pilot, to: target) == nil)
      let goal = (1...(index + 1)).reduce(size) { value, _ in value / 3 }
      let ratio = Double(try pilot.parameterCount().withoutEmbeddings) / goal
      #expect(ratio > 0.6 && ratio < 1.7)
    }
    #expect(Set(pilots).count == 4)
  }

  @Test func tooFewAreNamed() {
    let error = #expect(throws: PlanningError.self) {
      try PilotModels.choose(for: model(layers: 2, hidden: 8, heads: 1))
    }
    #expect(error?.code == .insufficientData)
    #expect(throws: PlanningError.self) {
      try PilotModels.choose(for: model(layers: 12, hidden: 768, heads: 12), ratio: 1)
    }
  }
}
