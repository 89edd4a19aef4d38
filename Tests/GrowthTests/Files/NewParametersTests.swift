// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Testing

struct NewParametersTests {
  private func source() throws -> GrowthSource {
    try GrowthSource(reading: FamilyGolden(name: "mistral").url)
  }

  private func layers(_ names: [String]) -> Set<Int> {
    Set(names.compactMap { $0.split(separator: ".").dropFirst(2).first.flatMap { Int($0) } })
  }

  @Test("all tensors of added blocks are new, and no others")
  func blocks() throws {
    let growth = try ModelGrowth(of: source(), by: MergeGolden(name: "llama-pro").recipe())
    let names = growth.newParameterNames()
    #expect(layers(names) == [1, 3, 5])
    #expect(names.count == 3 * 9)
    let stacked = try ModelGrowth(
      of: source(), by: DepthGrowth(sources: [0, 1, 1, 2], block: .copy, copiesMoments: true))
    #expect(layers(stacked.newParameterNames()) == [2])
  }

  @Test("what one growth adds stays new through the next")
  func composition() throws {
    let growth = try ModelGrowth(
      of: source(),
      by: DepthGrowth(to: 4, block: .freshIdentity, placement: .appended)
        .then(WidthGrowth(factor: 2)).then(DepthGrowth(sources: [0, 1, 2, 2, 3])))
    #expect(layers(growth.newParameterNames()) == [3, 4])
    let wide = try ModelGrowth(of: source(), by: WidthGrowth(factor: 2))
    #expect(wide.newParameterNames().isEmpty)
    let experts = try ModelGrowth(of: source(), by: ExpertGrowth(count: 4))
    let names = experts.newParameterNames()
    #expect(names.count == 3 && names.allSatisfy { $0.contains("gate.weight") })
  }

  @Test("the names stand beside the weights")
  func file() throws {
    let (deep, wide) = (TestFolder(), TestFolder())
    let growth = try ModelGrowth(of: source(), by: DepthGrowth(factor: 2))
    try growth.write(to: deep.url)
    let file = deep.url.appending(path: "new_parameters.json")
    let object = try JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: file))
    let names = growth.newParameterNames()
    #expect(object == ["new_parameters": names, "module_parameters": names])
    // They are those of one growth: the next has its own.
    try ModelGrowth(of: GrowthSource(reading: deep.url), by: WidthGrowth(factor: 2))
      .write(to: wide.url)
    let files = try FileManager.default.contentsOfDirectory(atPath: wide.url.path)
    #expect(!files.contains("new_parameters.json"))
  }

  @Test("modules of transformers keep experts together, under other names")
  func modules() throws {
    func parameters(_ growth: some GrowthOperator, _ golden: String) throws -> [String: [String]] {
      let folder = TestFolder()
      let source = try GrowthSource(reading: FamilyGolden(name: golden).url)
      try ModelGrowth(of: source, by: growth).write(to: folder["grown"])
      let file = folder["grown"].appending(path: "new_parameters.json")
      return try JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: file))
    }
    let experts = try parameters(ExpertGrowth(count: 4), "mistral")
    #expect(
      experts["module_parameters"] == (0..<3).map { "model.layers.\($0).mlp.gate.weight" })
    #expect(
      experts["new_parameters"]
        == (0..<3).map { "model.layers.\($0).block_sparse_moe.gate.weight" })
    let layers = try FamilyGolden(name: "mixtral").directory().configuration.model.layerCount
    let deep = try parameters(
      DepthGrowth(to: layers + 1, placement: .appended), "mixtral")["module_parameters"]
    let block = "model.layers.\(layers)."
    #expect(
      Set(deep ?? [])
        == Set(
          [
            "input_layernorm.weight", "post_attention_layernorm.weight", "mlp.gate.weight",
            "mlp.experts.gate_up_proj", "mlp.experts.down_proj", "self_attn.q_proj.weight",
            "self_attn.k_proj.weight", "self_attn.v_proj.weight", "self_attn.o_proj.weight",
          ].map { block + $0 }))
    #expect(deep?.count == 9)
    let other = try parameters(DepthGrowth(factor: 2), "gpt_neox")
    #expect(other["module_parameters"] == other["new_parameters"])
  }
}
