// SPDX-License-Identifier: Apache-2.0
import Architectures
import Tensors
import Testing

@Suite("Names of a checkpoint's tensors") struct NameResolutionTests {
  private func shapes(_ program: Program) -> [String: Shape] {
    Dictionary(uniqueKeysWithValues: program.parameters.map { ($0.name, $0.shape) })
  }

  @Test("A model's own names", arguments: SmallModel.all)
  func ownNames(configuration: ModelConfiguration) throws {
    let program = try configuration.program()
    #expect(try program.resolve(shapes(program)) == program.parameters.map(\.name))
  }

  @Test("Names without the prefix, with masks and a copy of the tied head")
  func originalGPT2() throws {
    let program = try SmallModel.gpt2.program()
    var file = Dictionary(
      uniqueKeysWithValues: program.parameters.map {
        (String($0.name.dropFirst("transformer.".count)), $0.shape)
      })
    file["h.0.attn.bias"] = [1, 1, 6, 6]
    file["h.2.attn.masked_bias"] = []
    file["lm_head.weight"] = [11, 8]
    let names = try program.resolve(file)
    #expect(names.allSatisfy { !$0.hasPrefix("transformer.") })
    #expect(names[0] == "wte.weight" && names.count == program.parameters.count)
  }

  @Test("Rotary tables are passed over; a tied head stands in for its embedding")
  func llama() throws {
    let program = try SmallModel.tiedLlama.program()
    var file = shapes(program)
    file["model.layers.1.self_attn.rotary_emb.inv_freq"] = [3]
    file["model.rotary_emb.inv_freq"] = [3]
    #expect(try program.resolve(file) == program.parameters.map(\.name))
    file["lm_head.weight"] = file.removeValue(forKey: "model.embed_tokens.weight")
    #expect(try program.resolve(file)[0] == "lm_head.weight")
  }

  @Test("Missing and unexpected tensors are listed")
  func mismatch() throws {
    let program = try SmallModel.llama.program()
    var file = shapes(program)
    file["model.norm.weight"] = nil
    file["model.layers.2.mlp.up_proj.weight"] = nil
    file["model.layers.3.mlp.up_proj.weight"] = [12, 8]
    file["model.layers.0.attn.bias"] = [1]
    let error = #expect(throws: ArchitecturesError.self) {
      try program.resolve(file, file: "model.safetensors")
    }
    #expect(error?.code == .parameterMismatch)
    #expect(error?.subject == "model.safetensors")
    #expect(
      error?.message == """
        missing tensors: model.layers.2.mlp.up_proj.weight, model.norm.weight; unexpected \
        tensors: model.layers.0.attn.bias, model.layers.3.mlp.up_proj.weight
        """)
  }

  @Test("Another model's file is refused in few words")
  func otherModel() throws {
    let program = try KnownModel.all[0].configuration.program()
    let error = #expect(throws: ArchitecturesError.self) { try program.resolve([:]) }
    #expect(error?.message.hasSuffix("and 136 more") == true)
  }

  @Test("A wrong shape is named with the one expected")
  func wrongShape() throws {
    let program = try SmallModel.gpt2.program()
    var file = shapes(program)
    file["transformer.h.1.mlp.c_fc.weight"] = [12, 8]
    var error = #expect(throws: ArchitecturesError.self) { try program.resolve(file) }
    #expect(
      error?.message.hasPrefix(
        "transformer.h.1.mlp.c_fc.weight has shape [12, 8]; expected [8, 12]") == true)
    file = shapes(program)
    file["lm_head.weight"] = [12, 8]
    error = #expect(throws: ArchitecturesError.self) { try program.resolve(file) }
    #expect(error?.message.hasPrefix("lm_head.weight has shape [12, 8]") == true)
  }

  @Test("A head that a tied model does not have is a copy, an untied model's is its own")
  func untied() throws {
    let program = try SmallModel.untiedGPT2.program()
    var file = shapes(program)
    file["lm_head.weight"] = nil
    #expect(throws: ArchitecturesError.self) { try program.resolve(file) }
  }
}
