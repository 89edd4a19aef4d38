// SPDX-License-Identifier: Apache-2.0
import Architectures
import Growth
import Testing

/// Sizes that no memory holds are refused before any list of that length is made.
@Suite("Sizes beyond reach") struct HugeSizeTests {
  static let sizes = [
    0, -1, Int.min, 1 << 28, (1 << 28) + 1, 1 << 32, 100_000_000_000, Int.max / 2, Int.max,
  ]

  static let models = [
    ModelConfiguration(
      architecture: .gpt2, layerCount: 2, hiddenSize: 8, headCount: 2, intermediateSize: 12,
      vocabularySize: 19, contextLength: 12, tiesHead: true),
    ModelConfiguration(
      architecture: .llama, layerCount: 2, hiddenSize: 12, headCount: 4, keyValueHeadCount: 2,
      headSize: 4, intermediateSize: 10, vocabularySize: 19, contextLength: 12,
      rotary: RotaryEmbedding(), tiesHead: false),
  ]

  /// One growth of each axis to, or by, a number.
  static func growths(_ size: Int) -> [(name: String, growth: any GrowthOperator)] {
    [
      ("width", WidthGrowth(factor: size)),
      ("width, divided", WidthGrowth(factor: size, form: .divided, symmetry: .split)),
      ("depth", DepthGrowth(factor: size)), ("layers", DepthGrowth(to: size)),
      ("appended", DepthGrowth(to: size, block: .copy, placement: .appended)),
      ("middle", DepthGrowth(to: size, block: .fresh, placement: .middle)),
      ("sources", DepthGrowth(sources: [0, 1, size])),
      ("feed-forward", FeedForwardGrowth(to: size)),
      ("heads", HeadGrowth(queryHeads: size)),
      ("key/value heads", HeadGrowth(queryHeads: size, keyValueHeads: size)),
      ("query heads", HeadGrowth(queryHeads: size, keyValueHeads: 2)),
      ("some heads", HeadGrowth(queryHeads: 8, keyValueHeads: size)),
      ("positions", ContextGrowth(to: size, positions: .interpolated)),
      ("experts", ExpertGrowth(count: size)),
      ("experts to a token", ExpertGrowth(count: 8, perToken: size)),
      ("parts", ExpertGrowth(count: 8, parts: size)),
      ("slice", SliceGrowth([.init(layers: min(0, size)..<max(1, size))])),
    ]
  }

  @Test("every axis", arguments: sizes)
  func axes(_ size: Int) throws {
    for model in Self.models {
      for (name, growth) in Self.growths(size) {
        // A table of rotary positions is no table: any context that is not too long will do.
        if name == "positions", model.traits.positions == .rotary, size == 1 << 28 { continue }
        // Layer 0 is one of the model's.
        if ["sources", "slice"].contains(name), size == 0 { continue }
        let error = #expect(throws: (any Error).self, "\(name) \(size)") {
          try growth.plans(from: model)
        }
        #expect(error is GrowthError || error is ArchitecturesError, "\(name) \(size)")
      }
    }
  }

  @Test("sizes whose product is too much", arguments: models)
  func products(_ model: ModelConfiguration) throws {
    let most = 1 << 28
    let growths: [any GrowthOperator] = [
      VocabularyGrowth(to: most).then(ResidualGrowth(to: most)),
      HeadSizeGrowth(to: most).then(HeadGrowth(queryHeads: 1 << 20)),
      DepthGrowth(to: 1 << 16).then(ResidualGrowth(to: 1 << 27)),
      ResidualGrowth(to: most).then(FeedForwardGrowth(to: most, units: .new)),
    ]
    for growth in growths {
      #expect(throws: ArchitecturesError.self) { try growth.plans(from: model) }
    }
  }

  @Test("so many experts that their sum leaves all integers")
  func experts() throws {
    var model = Self.models[1]
    model.family = .mixtral
    model.traits.experts = .init(count: 1 << 12, perToken: 2)
    let growth = ResidualGrowth(to: 1 << 28).then(FeedForwardGrowth(to: 1 << 28, units: .new))
    #expect(throws: ArchitecturesError.self) { try growth.plans(from: model) }
    model.hiddenSize = 1 << 28
    model.intermediateSize = 1 << 28
    #expect(throws: ArchitecturesError.self) { try model.validate() }
  }

  @Test("the largest lists are made soon")
  func largest() throws {
    let model = Self.models[1]
    let start = ContinuousClock.now
    #expect(try HeadGrowth(queryHeads: 1 << 18).plans(from: model).count == 1)
    #expect(try FeedForwardGrowth(to: 10 << 16).plans(from: model).count == 1)
    // A list for each of the copies would take hours.
    #expect(ContinuousClock.now - start < .seconds(60))
  }
}
