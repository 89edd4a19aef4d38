// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Tensors
import Testing
import Training

@Suite("Receipts") struct GrowthReceiptTests {
  /// Growths of every kind of map, layer and noise.
  static let operators: [any GrowthOperator] = [
    WidthGrowth(factor: 2),
    WidthGrowth(factor: 3, form: .divided, symmetry: .split),
    WidthGrowth(factor: 2, symmetry: .kept, learningRates: .smallTrajectory),
    DepthGrowth(factor: 2),
    DepthGrowth(factor: 2, block: .copy, placement: .appended),
    DepthGrowth(to: 5, block: .freshIdentity, placement: .middle),
    DepthGrowth(to: 3, block: .fresh),
    WidthGrowth(factor: 2).then(DepthGrowth(to: 3, placement: .sources([0, 1, 0]))),
  ]

  @Test("a receipt that was read makes the same tensors", arguments: GoldenModel.all)
  func regrows(_ model: GoldenModel) throws {
    let values = try model.parameters()
    for growth in Self.operators {
      let options = GrowthOptions(
        seed: .max - 1, moments: .resetNew,
        schedule: .repositioned(ratio: 1.776, rewarmup: .steps(200)), source: "somewhere",
        sourceHash: "abc")
      let path = try growth.path(from: model.configuration(), options: options)
      let receipt = GrowthReceipt(path, step: 17)
      let read = try GrowthReceipt(try receipt.encoded())
      #expect(read == receipt)
      #expect(read.path == path)
      let one = try path.grown(values: values)
      let other = try read.path.grown(values: values)
      for (one, other) in zip(one, other) {
        #expect(one.withUnsafeBytes { Data($0) } == other.withUnsafeBytes { Data($0) })
      }
    }
  }

  @Test("maps of every source come back")
  func maps() throws {
    let runs: [UnitMap.Run] = [
      .init(.units(1), count: 2, forward: 0.1, backward: 1 / 3, copy: 0),
      .init(.units(0), count: 1, copy: 2), .init(.mean, count: 1), .init(.silent, count: 3),
      .init(.new, count: 1, forward: 2), .init(.blend(lower: 1, fraction: 0.7), count: 1),
    ]
    let map = UnitMap(sourceCount: 3, runs: runs)
    let read = try JSONDecoder().decode(UnitMap.self, from: try JSONEncoder().encode(map))
    #expect(read == map)
    for source in [
      LayerSource.kept(3), .copy(0), .identityByNorm(1), .identityByOutput(2), .fresh,
      .freshIdentity,
    ] {
      #expect(LayerSource("\(source)") == source)
    }
    for text in ["", "kept", "kept -1", "kept 1 2", "fresh 1", "kept x", "copy  1"] {
      #expect(LayerSource(text) == nil)
    }
  }

  @Test("the file has stable names")
  func names() throws {
    let model = ModelConfiguration(
      architecture: .llama, layerCount: 1, hiddenSize: 4, headCount: 2, intermediateSize: 8,
      vocabularySize: 16, contextLength: 8, rotary: RotaryEmbedding(), tiesHead: true)
    let path = try WidthGrowth(factor: 2).then(DepthGrowth(factor: 2)).path(
      from: model, options: GrowthOptions(seed: 3))
    let data = try GrowthReceipt(path).encoded()
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    #expect(lines.allSatisfy { $0.utf8.count <= 140 })
    let text = lines.map { $0.trimmingCharacters(in: .whitespaces) }.joined()
      .replacing("\": ", with: "\":")
    #expect(!text.contains("_0"))
    for piece in [
      #""formatVersion":1"#, #""guarantees":["loss","symmetry","liveness"]"#,
      #""operation":"width × 2, then depth 1 → 2 (identityByOutput)""#,
      #""moments":"mapped""#, #""schedule":{"kind":"automatic"}"#, #""seed":3"#,
      #""layers":["kept 0","identityByOutput 0"]"#,
      #""stream":{"runs":[{"backward":0.5,"count":4,"from":0},"#,
      #""name":"model.embed_tokens.weight""#, #""source":"model.embed_tokens.weight""#,
    ] {
      #expect(text.contains(piece), "\(piece)")
    }
  }

  @Test("a growth of another model is refused")
  func otherModel() throws {
    let plans = try WidthGrowth(factor: 2).plans(from: GoldenModel.all[0].configuration())
    let values = try GoldenModel.all[1].parameters()
    let error = #expect(throws: GrowthError.self) { try GrowthPath(plans).grown(values: values) }
    #expect(error?.code == .mismatch)
    let two = try plans + WidthGrowth(factor: 2).plans(from: GoldenModel.all[0].configuration())
    #expect(throws: GrowthError.self) { try GrowthPath(two) }
  }
}
