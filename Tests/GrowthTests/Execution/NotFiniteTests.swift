// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Tensors
import Testing
import Training

/// Numbers that are none, or infinite, are refused by name: copies would spread them.
@Suite("Numbers that are not finite") struct NotFiniteTests {
  static let bad: [Float] = [.nan, .infinity, -.infinity]

  /// A small model; some of its tensors are copied by the growths below, some computed.
  static let model = ModelConfiguration(
    architecture: .llama, layerCount: 2, hiddenSize: 12, headCount: 2, intermediateSize: 20,
    vocabularySize: 30, contextLength: 16, rotary: RotaryEmbedding(), tiesHead: false)

  static let growths: [any GrowthOperator] = [
    WidthGrowth(factor: 2), WidthGrowth(factor: 2, form: .divided, symmetry: .kept),
    DepthGrowth(factor: 2), ContextGrowth(to: 32), VocabularyGrowth(to: 40),
    FeedForwardGrowth(to: 31).then(DepthGrowth(factor: 2, block: .copy)), ExpertGrowth(count: 4),
  ]

  private static func spoiled(_ tensor: HostTensor, _ value: Float, at index: Int) -> HostTensor {
    var floats = tensor.floats
    floats[index] = value
    return HostTensor(floats, shape: tensor.shape)
  }

  /// Expects an error that names these.
  private func expect(
    _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) {
    do {
      try body()
      Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as GrowthError {
      #expect(error.code == .notFinite, sourceLocation: sourceLocation)
      for part in parts {
        #expect(
          error.description.contains(part), "\(part) in \(error)", sourceLocation: sourceLocation)
      }
    } catch {
      Issue.record(error, sourceLocation: sourceLocation)
    }
  }

  @Test("in a state in memory and on disk, tensor and row are named", arguments: bad)
  func states(_ value: Float) throws {
    let folder = TestFolder()
    let specs = try Self.model.program().parameters
    let index = try #require(specs.firstIndex { $0.name == "model.layers.1.mlp.up_proj.weight" })
    let kind = value.isNaN ? "1 NaN" : "1 infinite"
    for part in 0..<3 {
      var state = try SharingTests.state(Self.model)
      let place = 7 * 12 + 5
      switch part {
      case 0:
        state.parameters[index].value = Self.spoiled(
          state.parameters[index].value, value, at: place)
      case 1:
        state.parameters[index].firstMoment = state.parameters[index].firstMoment.map {
          Self.spoiled($0, value, at: place)
        }
      default:
        state.parameters[index].secondMoment = state.parameters[index].secondMoment.map {
          Self.spoiled($0, value, at: place)
        }
      }
      try? FileManager.default.removeItem(at: folder["small"])
      try state.write(to: folder["small"], tokenizer: nil)
      let source = try GrowthSource(reading: folder["small"])
      for growth in Self.growths.dropLast() {
        let parts = ["up_proj", "row 7", kind, "of 240 numbers"]
        expect(parts) { _ = try growth.grown(state) }
        expect(parts) { try ModelGrowth(of: source, by: growth).write(to: folder["large"]) }
      }
    }
    #expect(folder.names == ["small"])
  }

  @Test("in weights of every type", arguments: bad, [DType.float32, .bfloat16, .float16])
  func weights(_ value: Float, _ type: DType) throws {
    let folder = TestFolder()
    let specs = try Self.model.program().parameters
    let index = try #require(specs.firstIndex { $0.name == "model.layers.0.mlp.down_proj.weight" })
    var values = specs.enumerated().map { SharingTests.random($1.shape, seed: $0) }
    values[index] = Self.spoiled(values[index], value, at: 3 * 20)
    try ModelDirectory.write(
      to: folder["small"], configuration: HuggingFaceConfiguration(Self.model), values: values,
      as: type, tokenizer: nil)
    let source = try GrowthSource(reading: folder["small"])
    for growth in Self.growths {
      expect(["down_proj", "row 3"]) {
        try ModelGrowth(of: source, by: growth).write(to: folder["large"])
      }
      expect(["down_proj", "row 3"]) {
        _ = try growth.path(from: Self.model).grown(values: values)
      }
    }
    // A tensor that is not written is not looked at.
    try ModelGrowth(of: source, by: DepthGrowth(factor: 2))
      .write(to: folder["part"], ModelGrowth.Output(only: ["model.norm.weight"]))
  }

  @Test("what a type does not hold is named before it becomes infinite")
  func overflow() throws {
    let folder = TestFolder()
    let specs = try Self.model.program().parameters
    let index = try #require(specs.firstIndex { $0.name == "lm_head.weight" })
    var values = specs.enumerated().map { SharingTests.random($1.shape, seed: $0) }
    values[index] = Self.spoiled(values[index], -70000, at: 4 * 12 + 1)
    try ModelDirectory.write(
      to: folder["small"], configuration: HuggingFaceConfiguration(Self.model), values: values,
      as: .float32, tokenizer: nil)
    let source = try GrowthSource(reading: folder["small"])
    let growth = try ModelGrowth(of: source, by: DepthGrowth(factor: 2))
    for rounding in WeightRounding.allCases {
      expect(["lm_head.weight", "row 4", "-70000.0", "float16 is 65504"]) {
        try growth.write(
          to: folder["large"], ModelGrowth.Output(type: .float16, rounding: rounding))
      }
    }
    try growth.write(to: folder["large"], ModelGrowth.Output(type: .bfloat16))
    var deep = DepthGrowth(factor: 2, block: .copy)
    deep.outputScale = 1e38
    values[index] = Self.spoiled(values[index], 1, at: 0)
    let down = try #require(specs.firstIndex { $0.name == "model.layers.0.mlp.down_proj.weight" })
    values[down] = Self.spoiled(values[down], 700, at: 2 * 20)
    expect(["model.layers.1.mlp.down_proj.weight", "row 2", "float32"]) {
      _ = try deep.path(from: Self.model).grown(values: values)
    }
  }

  @Test(
    "factors that float32 does not hold are no factors",
    arguments: [
      Double.nan, .infinity, 1e300, -1e300, 1e-300, 0,
    ])
  func factors(_ factor: Double) throws {
    var deep = DepthGrowth(factor: 2, block: .copy)
    deep.outputScale = factor
    #expect(throws: GrowthError.self) { try deep.plans(from: Self.model) }
    guard factor != 0 else { return }
    let slices = [SliceGrowth.Slice(layers: 0..<2, scales: [.init(factor: factor)])]
    #expect(throws: GrowthError.self) { try SliceGrowth(slices).plans(from: Self.model) }
    for noise in [factor, -41, 201] where !(-40...200).contains(noise) {
      #expect(throws: GrowthError.self) {
        try WidthGrowth(factor: 2, symmetry: .noise(signalToNoise: noise)).plans(from: Self.model)
      }
    }
  }
}
