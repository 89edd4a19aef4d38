// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Testing

struct SliceGrowthTests {
  typealias Slice = SliceGrowth.Slice

  /// Factors of zero on all that writes to the residual stream, in any family's names.
  static let silence = [
    "o_proj", "down_proj", "attention.dense", "dense_4h_to_h", ".w2.",
  ].map { SliceGrowth.Scale(filter: $0, factor: 0) }

  @Test("a silent copy after each layer keeps the function", arguments: FamilyGolden.all)
  func silentCopies(_ golden: FamilyGolden) throws {
    let small = try SmallModel(golden)
    let slices = (0..<small.configuration.layerCount).flatMap { layer in
      [Slice(layers: layer..<layer + 1), Slice(layers: layer..<layer + 1, scales: Self.silence)]
    }
    let grown = try GrownModel(SliceGrowth(slices), of: small)
    #expect(grown.guarantees.isSuperset(of: [.loss, .moments, .symmetry, .liveness]))
    #expect(relativeError(grown.result.logits, try golden.logits()) < 1e-10)
    try grown.checkPromisesHold()
    // Whatever stands before its source: the first one that speaks is the source itself.
    let turned = try GrownModel(
      SliceGrowth(slices.indices.map { slices[$0 ^ 1] }), of: small)
    #expect(turned.plans.first?.layers.prefix(2) == [.identityByOutput(0), .kept(0)])
    #expect(relativeError(turned.result.logits, try golden.logits()) < 1e-10)
    try turned.checkPromisesHold()
  }

  @Test("stacks, cuts and factors change the function, and promise only what holds")
  func otherStacks() throws {
    let small = try SmallModel(FamilyGolden(name: "mistral"))
    let stacks: [[Slice]] = [
      [Slice(layers: 0..<2), Slice(layers: 1..<3)], [Slice(layers: 1..<3)],
      [Slice(layers: 0..<3, scales: [.init(filter: "v_proj", factor: 0.5)])],
      [Slice(layers: 0..<3, scales: [.init(filter: "embed_tokens", factor: 2)])],
      [Slice(layers: 0..<3), Slice(layers: 0..<3, scales: Self.silence.dropLast(4))],
      [Slice(layers: 0..<3), Slice(layers: 3..<3, scales: [.init(filter: "lm_head", factor: 3)])],
    ]
    for slices in stacks {
      let grown = try GrownModel(SliceGrowth(slices), of: small)
      #expect(grown.guarantees.isDisjoint(with: [.loss, .moments]))
      try grown.checkPromises()
    }
  }

  @Test("zeros that keep more than a block silent kill parameters")
  func deadParameters() throws {
    let small = try SmallModel(FamilyGolden(name: "mistral"))
    let zeros: [[SliceGrowth.Scale]] = [
      Self.silence + [.init(filter: "up_proj", factor: 0)], [.init(factor: 0)],
    ]
    for scales in zeros {
      let grown = try GrownModel(
        SliceGrowth([
          Slice(layers: 0..<2), Slice(layers: 1..<2, scales: scales),
          Slice(layers: 2..<3),
        ]), of: small)
      #expect(grown.guarantees == [.loss, .moments])
      try grown.checkPromisesHold()
      #expect(try !grown.deadEntries().isEmpty)
    }
  }

  @Test("factors run along a slice; embedding and head take the first")
  func factors() throws {
    let small = try SmallModel(FamilyGolden(name: "mistral"))
    let grown = try GrownModel(
      SliceGrowth([
        Slice(
          layers: 0..<3,
          scales: [
            .init(filter: "layers.2.self_attn.q_proj", factor: 7),
            .init(filter: "q_proj", factors: [2, 4]), .init(filter: "*", factors: [3, 5, 9]),
          ]), Slice(layers: 1..<2, scales: [.init(factors: [11, 13])]),
      ]), of: small)
    let expected: [String: Double] = [
      "model.layers.0.self_attn.q_proj.weight": 2, "model.layers.1.self_attn.q_proj.weight": 3,
      "model.layers.2.self_attn.q_proj.weight": 7, "model.layers.1.mlp.up_proj.weight": 5,
      "model.layers.2.input_layernorm.weight": 9, "model.layers.3.input_layernorm.weight": 13,
      "model.embed_tokens.weight": 3, "model.norm.weight": 11, "lm_head.weight": 11,
    ]
    for (name, factor) in expected { #expect(try ratio(grown, name) == factor, "\(name)") }
  }

  /// How many times a tensor is what its source was.
  private func ratio(_ grown: GrownModel, _ name: String) throws -> Double? {
    let plan = try #require(grown.plans.first)
    let index = try #require(grown.program.parameters.firstIndex { $0.name == name })
    let source = try #require(try plan.tensors()[index].source)
    let ratios = zip(grown.values[index], grown.small.values[source]).map { $0 / $1 }
    return ratios.allSatisfy { abs($0 - ratios[0]) < 1e-12 } ? ratios[0].rounded() : nil
  }

  @Test("a factor on a gain is one on the number in the file, also where files hold it less one")
  func gains() throws {
    let small = try SmallModel(FamilyGolden(name: "gemma"))
    let grown = try GrownModel(
      SliceGrowth([Slice(layers: 0..<2, scales: [.init(filter: "layernorm", factor: 4)])]),
      of: small)
    #expect(try ratio(grown, "model.layers.0.input_layernorm.weight") == 4)
    #expect(try ratio(grown, "model.layers.1.mlp.up_proj.weight") == 1)
  }

  @Test("nothing changes, or nothing is left")
  func edges() throws {
    let model = try FamilyGolden(name: "mistral").directory().configuration.model
    #expect(try SliceGrowth([Slice(layers: 0..<3)]).plans(from: model).isEmpty)
    #expect(
      try SliceGrowth([Slice(layers: 0..<3, scales: [.init(factor: 1)])]).plans(from: model)
        .isEmpty)
    for slices in [
      [], [Slice(layers: 1..<1)], [Slice(layers: 0..<4)], [Slice(layers: -1..<2)],
      [Slice(layers: 0..<3, scales: [.init(factor: .infinity)])],
      [Slice(layers: 0..<3, scales: [.init(factors: [])])],
    ] {
      let error = #expect(throws: GrowthError.self) {
        try SliceGrowth(slices).plans(from: model)
      }
      #expect(error?.code == .invalidOptions)
    }
  }

  @Test("a plan with factors and rounding goes through its file; one that lies is refused")
  func coding() throws {
    let model = try FamilyGolden(name: "mistral").directory().configuration.model
    let plan = try #require(
      try SliceGrowth(
        [Slice(layers: 0..<3, scales: Self.silence)], sourceRounding: .bfloat16
      ).plans(from: model).first)
    #expect(plan.operation == "layers 0–2; factors on 6 tensors; rounded to bfloat16 first")
    let data = try JSONEncoder().encode(plan)
    var read = try JSONDecoder().decode(GrowthPlan.self, from: data)
    #expect(read == plan)
    read.guarantees = [.loss]
    #expect(throws: GrowthError.self) { try read.tensors() }
    read = plan
    read.sourceRounding = .int8
    #expect(throws: GrowthError.self) { try read.tensors() }
  }

  @Test("plain copies write less to the residual stream where that is asked for")
  func outputScale() throws {
    let small = try SmallModel(FamilyGolden(name: "mistral"))
    for copiesMoments in [false, true] {
      var growth = DepthGrowth(sources: [0, 1, 1, 2], block: .copy, copiesMoments: copiesMoments)
      growth.outputScale = 0.5
      let grown = try GrownModel(growth, of: small)
      for part in ["self_attn.o_proj", "mlp.down_proj"] {
        for (layer, factor) in [1.0, 1, 0.5, 1].enumerated() {
          let index = try #require(
            grown.program.parameters.firstIndex {
              $0.name == "model.layers.\(layer).\(part).weight"
            })
          #expect(try #require(grown.plans.first).tensors()[index].valueScale == factor)
        }
      }
      try grown.checkPromises()
    }
    for (block, scale) in [(DepthGrowth.Block.identityByOutput, 0.5), (.copy, 0), (.copy, .nan)] {
      var growth = DepthGrowth(factor: 2, block: block)
      growth.outputScale = scale
      #expect(throws: GrowthError.self) { try growth.plans(from: small.configuration) }
    }
  }
}
