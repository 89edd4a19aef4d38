// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Growth
import Tensors
import Testing
import Training

/// Growing from file to file gives the bits of growing in memory.
@Suite("Streamed growths") struct StreamingTests {
  /// Every operator with its forms, alone and composed.
  static func growths(of model: ModelConfiguration) -> [any GrowthOperator] {
    var growths: [any GrowthOperator] = CompositionTests.growths(of: model)
    growths += DepthGrowth.Block.allCases.map { DepthGrowth(factor: 2, block: $0) }
    growths += [
      WidthGrowth(factor: 3, form: .divided), WidthGrowth(factor: 2, symmetry: .split),
      WidthGrowth(factor: 2, symmetry: .kept),
      DepthGrowth(to: 5, block: .copy, placement: .appended),
      DepthGrowth(to: 4, block: .copy, placement: .sources([0, 1, 0, 1])),
      ContextGrowth(to: 9, positions: .interpolated), ExpertGrowth(count: 4),
    ]
    growths += slices(of: model)
    let width = WidthGrowth(factor: 2)
    growths += [
      width.then(DepthGrowth(factor: 2)), DepthGrowth(factor: 2, block: .fresh).then(width),
      width.then(WidthGrowth(factor: 2)), VocabularyGrowth(to: 13).then(width),
      width.then(VocabularyGrowth(to: 13)).then(DepthGrowth(factor: 2, block: .copy)),
      ContextGrowth(to: 9, positions: .interpolated).then(width),
    ]
    return growths
  }

  /// Stacks with factors, silent blocks and rounding.
  private static func slices(of model: ModelConfiguration) -> [any GrowthOperator] {
    let all = 0..<model.layerCount
    let silence = ["o_proj", "down_proj", "c_proj"].map {
      SliceGrowth.Scale(filter: $0, factor: 0)
    }
    let factors = SliceGrowth.Scale(factors: [0.3, 0.7])
    return [
      SliceGrowth([.init(layers: all), .init(layers: all, scales: silence)]),
      SliceGrowth([.init(layers: all, scales: [factors]), .init(layers: 0..<1)]),
    ]
      + [DType.bfloat16, .float16].map {
        SliceGrowth([.init(layers: all, scales: [factors])], sourceRounding: $0)
      }
  }

  /// The plans of all growths that fit a model.
  static func plannable(_ model: ModelConfiguration) -> [any GrowthOperator] {
    growths(of: model).filter { (try? $0.plans(from: model))?.isEmpty == false }
  }

  @Test(
    "training states, all operators and policies of moments", arguments: ModelConfiguration.families
  )
  func states(_ model: ModelConfiguration) throws {
    let folder = TestFolder()
    var state = try NewEntriesTests.state(model)
    // What an earlier growth made.
    for index in stride(from: 0, to: state.parameters.count, by: 2) {
      let axes = state.parameters[index].value.shape.extents.map { [$0 / 2..<$0] }
      state.parameters[index].newEntries = [
        NewEntries(EntryRanges(axes), rate: NewEntriesTests.rate, hasOwnCount: true)
      ]
    }
    try state.write(to: folder["small"], tokenizer: nil)
    let source = try GrowthSource(reading: folder["small"])
    let growths = Self.plannable(model)
    #expect(growths.count >= 18)
    for (number, growth) in growths.enumerated() {
      let moments = MomentPolicy.allCases[number % MomentPolicy.allCases.count]
      let growth = try ModelGrowth(
        of: source, by: growth,
        options: GrowthOptions(
          seed: 7, moments: moments,
          newEntryRate: number % 3 == 0 ? nil : NewEntries.Rate(factor: 0.5, steps: 9)))
      let size = number == 4 ? 1 : [nil, 3000, nil][number % 3]
      try growth.write(
        to: folder["large"],
        ModelGrowth.Output(maximumShardByteCount: size, overwrites: true))
      let written = try TrainingState(reading: folder["large"])
      let expected = try growth.path.grown(state)
      let text = Comment(rawValue: "\(growth.path.operation), \(moments)")
      #expect(written.status == expected.status, text)
      for (one, other) in zip(written.parameters, expected.parameters) {
        #expect(one.value.data == other.value.data, text)
        #expect(one.slots.mapValues(\.data) == other.slots.mapValues(\.data), text)
        #expect(one.newEntries == other.newEntries, text)
        #expect(one.stepCount == other.stepCount, text)
        #expect(one.learningRateMultiplier == other.learningRateMultiplier, text)
        #expect(one.epsilonMultiplier == other.epsilonMultiplier, text)
      }
    }
  }

  @Test(
    "weights alone, all operators, types and shard sizes", arguments: ModelConfiguration.families,
    [DType.float32, .bfloat16, .float16])
  func weights(_ model: ModelConfiguration, _ type: DType) throws {
    let folder = TestFolder()
    let specs = try model.program().parameters
    try ModelDirectory.write(
      to: folder["small"], configuration: HuggingFaceConfiguration(model),
      values: specs.enumerated().map { SharingTests.random($1.shape, seed: $0) }, as: type,
      tokenizer: nil, maximumShardByteCount: 2000)
    let source = try GrowthSource(reading: folder["small"])
    for (number, growth) in Self.plannable(model).enumerated() {
      let growth = try ModelGrowth(of: source, by: growth, options: GrowthOptions(seed: 3))
      let target = [nil, .float32, .bfloat16, .float16, .float64][number % 5] as DType?
      try growth.write(
        to: folder["large"],
        ModelGrowth.Output(
          type: target, maximumShardByteCount: number == 5 ? 1 : [nil, 2000, 1 << 40][number % 3],
          overwrites: true))
      try CheckpointDirectory.verify(folder["large"])
      let written = try ModelDirectory(reading: folder["large"])
      let expected = try growth.path.grown(
        values: source.directory.values(), for: target ?? type)
      for (name, value) in zip(written.tensorNames, expected) {
        let tensor = HostTensor(copying: try written.tensors.tensor(named: name))
        #expect(
          tensor.data == (try value.converted(to: target ?? type)).data,
          "\(growth.path.operation), \(name)")
      }
    }
  }

  @Test("float64 is grown in float64", arguments: ModelConfiguration.families)
  func doubles(_ model: ModelConfiguration) throws {
    let folder = TestFolder()
    let specs = try model.program().parameters
    let values = specs.enumerated().map { index, spec in
      SharingTests.random(spec.shape, seed: index).floats.map { Double($0) / 3 }
    }
    try FileManager.default.createDirectory(
      at: folder["small"], withIntermediateDirectories: true)
    try HuggingFaceConfiguration(model).encoded()
      .write(to: folder["small"].appending(path: "config.json"))
    let byName = Dictionary(uniqueKeysWithValues: zip(specs.map(\.name), values))
    _ = try SafetensorsWriter.write(
      folder["small"].appending(path: "model.safetensors"),
      tensors: specs.map { TensorSpec($0.name, dtype: .float64, shape: $0.shape) }
    ) { entry in
      HostTensor(shape: entry.shape, dtype: .float64) { bytes in
        byName[entry.name]?.withUnsafeBytes { bytes.copyMemory(from: $0) }
      }
    }
    let source = try GrowthSource(reading: folder["small"])
    for growth in Self.plannable(model) {
      let growth = try ModelGrowth(of: source, by: growth, options: GrowthOptions(seed: 3))
      for type in [nil, DType.bfloat16] {
        let expected = try growth.path.grown(values: values, for: type ?? .float64)
        try growth.write(
          to: folder["large"], ModelGrowth.Output(type: type, overwrites: true))
        let written = try ModelDirectory(reading: folder["large"])
        for (name, value) in zip(written.tensorNames, expected) {
          let tensor = HostTensor(copying: try written.tensors.tensor(named: name))
          let exact = HostTensor(shape: tensor.shape, dtype: .float64) { bytes in
            value.withUnsafeBytes { bytes.copyMemory(from: $0) }
          }
          #expect(
            tensor.data == (try exact.converted(to: type ?? .float64)).data,
            "\(growth.path.operation), \(name)")
        }
      }
    }
  }

  /// Tensors of many blocks, rows of odd lengths, and sums over more rows than a core takes at once.
  @Test("large tensors", arguments: [Architecture.gpt2, .llama])
  func large(_ architecture: Architecture) throws {
    let folder = TestFolder()
    var model = SharingTests.model(architecture)
    model.vocabularySize = 5000
    let state = try SharingTests.state(model)
    try state.write(to: folder["small"], tokenizer: nil)
    let growth = WidthGrowth(factor: 2).then(VocabularyGrowth(to: 5003))
      .then(DepthGrowth(factor: 2))
    let grown = try ModelGrowth(of: GrowthSource(reading: folder["small"]), by: growth)
    var seen: [ModelGrowth.Progress] = []
    try grown.write(to: folder["large"]) { seen.append($0) }
    let expected = try grown.path.grown(state)
    let written = try TrainingState(reading: folder["large"])
    for (one, other) in zip(written.parameters, expected.parameters) {
      #expect(one.value.data == other.value.data)
      #expect(one.secondMoment?.data == other.secondMoment?.data)
    }
    let total = try #require(seen.first).byteCount
    #expect(seen.last?.stage == .completing && seen.last?.doneByteCount == total)
    #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.doneByteCount <= $1.doneByteCount })
    let names = ["model.safetensors", "optimizer.safetensors"]
    let receipt = try GrowthReceipt(reading: folder["large"])
    let manifest = try Manifest(reading: folder["large"])
    for name in names {
      #expect(receipt.files?.result[name] == manifest.files[name]?.sha256)
      #expect(
        receipt.files?.source[name]
          == (try FileDigest(of: folder["small"].appending(path: name)).sha256))
    }
  }
}

extension HostTensor {
  /// A copy of the bytes.
  var data: Data { withUnsafeBytes { Data($0) } }
}
