// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import GoldenModels
import Growth
import SeededRandom
import Tensors
import Testing
import Training

@Suite("Types of grown weights") struct RoundingTests {
  /// A GPT-2 whose values are the given ones again and again, beside each other in all tensors.
  private func write(
    _ values: [Float], as type: DType, to folder: URL, _ model: ModelConfiguration
  ) throws {
    try ModelDirectory.write(
      to: folder, configuration: HuggingFaceConfiguration(model),
      values: model.program().parameters.map { spec in
        HostTensor(
          (0..<spec.shape.elementCount).map { values[$0 % values.count] }, shape: spec.shape)
      }, as: type, tokenizer: nil)
  }

  private func bits(_ url: URL, _ name: String) throws -> [UInt16] {
    let view = try ModelDirectory(reading: url).tensors.tensor(named: name)
    return view.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
  }

  private func floats(_ url: URL, _ name: String) throws -> [Float] {
    try ModelDirectory(reading: url).tensors.float32(named: name).floats
  }

  private let name = "transformer.wte.weight"

  private func copies(_ folder: TestFolder, seed: UInt64 = 0) throws -> ModelGrowth {
    try ModelGrowth(
      of: GrowthSource(reading: folder["small"]), by: DepthGrowth(factor: 2),
      options: GrowthOptions(seed: seed))
  }

  @Test(
    "stochastic rounding keeps numbers on average and takes neighbours only",
    arguments: [DType.bfloat16, .float16])
  func unbiased(_ type: DType) throws {
    let folder = TestFolder()
    var model = ModelConfiguration.small(.gpt2, tiesHead: true)
    model.vocabularySize = 5000
    // A fifth and nine tenths of the way from one number of the type to the next; one exact number;
    // one below the type's normal range.
    let unit: Float = type == .bfloat16 ? 0x1p-7 : 0x1p-10
    let least: Float = type == .bfloat16 ? 0x1p-133 : 0x1p-24
    let values: [Float] = [
      1 + 0.2 * unit, -2 - 1.8 * unit, 0.75, least * 5.25, 0, -least * 0.5, 1.5 + 0.9 * unit,
    ]
    try write(values, as: .float32, to: folder["small"], model)
    let output = ModelGrowth.Output(type: type, rounding: .stochastic, overwrites: true)
    try copies(folder).write(to: folder["large"], output)
    let rounded = try floats(folder["large"], name)
    for (index, value) in values.enumerated() {
      let all = stride(from: index, to: rounded.count, by: values.count).map { Double(rounded[$0]) }
      let neighbours = Set(all).sorted()
      let exact = [0.75, 0].contains(value)
      #expect(neighbours.count == (exact ? 1 : 2), "\(value)")
      guard let low = neighbours.first, let high = neighbours.last, !exact else {
        #expect(all.allSatisfy { $0 == Double(value) })
        continue
      }
      #expect(low < Double(value) && Double(value) < high)
      // Nothing of the type lies between the two.
      let middle = HostTensor([Float((low + high) / 2)], shape: [1])
      let nearest = try middle.converted(to: type).converted(to: .float32).floats[0]
      #expect(Double(nearest) == low || Double(nearest) == high)
      let share = (Double(value) - low) / (high - low)
      let mean = all.reduce(0) { $0 + ($1 == high ? 1 : 0) } / Double(all.count)
      let deviation = (share * (1 - share) / Double(all.count)).squareRoot()
      #expect(abs(mean - share) < 4.5 * deviation, "\(value): \(mean) for \(share)")
    }
    let first = try bits(folder["large"], name)
    try copies(folder).write(
      to: folder["large"],
      ModelGrowth.Output(
        type: type, rounding: .stochastic, maximumShardByteCount: 100, overwrites: true))
    #expect(try bits(folder["large"], name) == first)
    try copies(folder, seed: 1).write(to: folder["large"], output)
    #expect(try bits(folder["large"], name) != first)
  }

  /// A number times a power of two has the digits of the number.
  @Test("what is copied or halved is exact in its own type", arguments: [DType.bfloat16, .float16])
  func exact(_ type: DType) throws {
    let folder = TestFolder()
    var model = ModelConfiguration.small(.llama, tiesHead: false, hidden: 64)
    model.vocabularySize = 1024
    let specs = try model.program().parameters
    var random = SplitMix64(seed: 3)
    try FileManager.default.createDirectory(at: folder["small"], withIntermediateDirectories: true)
    try HuggingFaceConfiguration(model).encoded()
      .write(to: folder["small"].appending(path: "config.json"))
    // All halves but NaNs and infinities, which no model grows with.
    let table: [UInt16] = (0..<65536).map { UInt16($0) }.map { pattern in
      let number =
        type == .bfloat16 ? Float(BFloat16(bitPattern: pattern)) : Float16Bits.float(pattern)
      return number.isFinite ? pattern : 0x0001
    }
    _ = try SafetensorsWriter.write(
      folder["small"].appending(path: "model.safetensors"),
      tensors: specs.map { TensorSpec($0.name, dtype: type, shape: $0.shape) }
    ) { entry in
      HostTensor(shape: entry.shape, dtype: type) { bytes in
        let target = bytes.bindMemory(to: UInt16.self)
        for index in target.indices {
          target[index] =
            entry.name == "model.embed_tokens.weight"
            ? table[index % 65536] : UInt16.random(in: 0x2000...0x3000, using: &random)
        }
      }
    }
    let source = try GrowthSource(reading: folder["small"])
    let growth = try ModelGrowth(
      of: source, by: WidthGrowth(factor: 2, form: .divided, symmetry: .kept))
    try growth.write(to: folder["large"])
    let embedding = try bits(folder["large"], "model.embed_tokens.weight")
    for row in 0..<1024 {
      for column in 0..<128 {
        let expected = table[row * 64 + column % 64]
        if embedding[row * 128 + column] != expected {
          Issue.record("\(row), \(column): \(embedding[row * 128 + column]) for \(expected)")
          return
        }
      }
    }
    let head = try floats(folder["large"], "lm_head.weight")
    let small = try source.directory.tensors.float32(named: "lm_head.weight").floats
    #expect(
      head.indices.allSatisfy { index in
        let (row, column) = index.quotientAndRemainder(dividingBy: 128)
        return head[index] == small[row * 64 + column % 64] / 2
      })
  }

  @Test(
    "conversions on the way are those of tensors in memory", arguments: [DType.bfloat16, .float16])
  func conversions(_ type: DType) throws {
    let folder = TestFolder()
    var model = ModelConfiguration.small(.gpt2, tiesHead: true)
    model.vocabularySize = 20_000
    var random = SplitMix64(seed: 1)
    // Any bits of which the type makes a number: others are refused.
    let largest: Float = type == .bfloat16 ? 0x1.FEp127 : 65504
    let values = (0..<160_000).map { _ in
      let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &random))
      return abs(value) <= largest ? value : largest
    }
    try write(values, as: .float32, to: folder["small"], model)
    try copies(folder).write(to: folder["large"], ModelGrowth.Output(type: type))
    let expected = try HostTensor(values, shape: [20_000, 8]).converted(to: type)
    let isSame = expected.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
      .elementsEqual(try bits(folder["large"], name))
    #expect(isSame)
  }
}
