// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import OrderedJSON
import Testing

/// Parameters as `named_parameters()` of transformers gives them; the goldens are made by
/// `Scripts/reference/exchange_goldens.py`.
@Suite("Parameters of transformers' modules") struct TransformersParameterTests {
  private static func goldens() throws -> JSONValue {
    let url = Bundle.module.bundleURL.appending(path: "Goldens/transformers_parameters.json")
    return try JSONValue(parsing: [UInt8](Data(contentsOf: url)))
  }

  private static func model(_ golden: JSONValue) throws -> ModelConfiguration {
    let config = try #require(golden["config"])
    return try HuggingFaceConfiguration(Data(config.encoded(.compact))).model
  }

  @Test(
    "names, order and shapes",
    arguments: [
      "gpt2", "gpt2-untied", "llama", "llama-tied", "llama-biases", "mistral", "qwen2", "qwen3",
      "gemma", "phi3", "gpt_neox", "olmo", "mixtral",
    ])
  func names(_ name: String) throws {
    let golden = try #require(try Self.goldens()[name])
    guard case .array(let expected)? = golden["parameters"] else {
      Issue.record("no parameters")
      return
    }
    let model = try Self.model(golden)
    let program = try model.program()
    let parameters = try model.transformersParameters()
    let found = parameters.map { parameter -> JSONValue in
      [.string(parameter.name), .array(parameter.shape.extents.map { JSONValue($0) })]
    }
    #expect(found == expected)
    #expect(parameters.flatMap(\.parts).sorted() == Array(program.parameters.indices))
    for parameter in parameters {
      let elements = parameter.parts.reduce(0) { $0 + program.parameters[$1].shape.elementCount }
      #expect(elements == parameter.shape.elementCount, "\(parameter.name)")
    }
  }

  @Test("experts lie one after the other, gate before up")
  func experts() throws {
    let model = try Self.model(#require(try Self.goldens()["mixtral"]))
    let program = try model.program()
    let fused = try #require(
      try model.transformersParameters().first { $0.name.hasSuffix("1.mlp.experts.gate_up_proj") }
    )
    #expect(
      fused.parts.map { program.parameters[$0].name.suffix(22) }
        == [
          "e.experts.0.w1.weight", "e.experts.0.w3.weight", "e.experts.1.w1.weight",
          "e.experts.1.w3.weight", "e.experts.2.w1.weight", "e.experts.2.w3.weight",
        ].map { "o" + $0 })
  }

  @Test("experts of a family from a file go under the name that it has for them")
  func otherExperts() throws {
    var model = try Self.model(#require(try Self.goldens()["mixtral"]))
    model.family.name = "other"
    model.family.tensors.router = "mlp.router"
    model.family.tensors.expert = "mlp.experts.{expert}."
    let names = try model.transformersParameters().map(\.name)
    #expect(names.contains("model.layers.0.mlp.experts.gate_up_proj"))
    #expect(names.contains("model.layers.0.mlp.router.weight"))
    model.family.tensors.expert = "expert_{expert}_"
    let error = #expect(throws: ArchitecturesError.self) { try model.transformersParameters() }
    #expect(error?.message.contains("expert_{expert}_") == true)
  }
}
