// SPDX-License-Identifier: Apache-2.0
import Architectures
import Foundation
import GoldenModels
import Growth
import Tensors
import Testing

struct MergeRecipeReadingTests {
  @Test("a recipe is data")
  func recipe() throws {
    let recipe = try MergeRecipe(
      yaml: """
        merge_method: passthrough
        base_model: {model: {path: some/model, revision: main}}
        dtype: torch.float16
        out_dtype: float32
        tokenizer: {source: base}
        parameters: {scale: 3}
        slices:
          - sources:
              - model: some/model@main
                layer_range: [0, 24]
                parameters: {scale: {filter: o_proj, value: [1e-1, "0.5"]}}
            parameters: {scale: [2.0, 1]}
          - sources: [{model: some/model@main, layer_range: [8, 8], parameters: ~}]
        """, name: "solar.yml")
    #expect(
      recipe
        == MergeRecipe(
          model: "some/model@main",
          slices: [
            MergeRecipe.Slice(
              layers: 0..<24,
              scales: [
                .init(filter: "o_proj", factors: [0.1, 0.5]), .init(factors: [2, 1]),
                .init(factor: 3),
              ]),
            MergeRecipe.Slice(layers: 8..<8, scales: [.init(factor: 3)]),
          ], type: .float16, outputType: .float32, fitsTokenizer: true))
    #expect(recipe.weightType == .float32)
  }

  struct Mistake: Sendable, CustomStringConvertible {
    var yaml: String
    var says: [String]
    var description: String { yaml }

    init(_ yaml: String, _ says: String...) {
      self.yaml = yaml
      self.says = says
    }

    /// A recipe of one slice with something added to its source.
    static func source(_ text: String, _ says: String...) -> Mistake {
      var mistake = Mistake(
        "{merge_method: passthrough, slices: [{sources: [{model: m, \(text)}]}]}")
      mistake.says = says + ["recipe.yml:1", "slices[0].sources[0]"]
      return mistake
    }

    /// A recipe of one slice with something added to the whole.
    static func whole(_ text: String, _ says: String...) -> Mistake {
      var mistake = Mistake(
        "{merge_method: passthrough, \(text), slices: [{sources: [{model: m, layer_range: [0, 1]}]}]}"
      )
      mistake.says = says
      return mistake
    }
  }

  static let mistakes: [Mistake] = [
    Mistake("", "is empty"), Mistake("a: [", "not YAML"), Mistake("- a", "expected keys"),
    Mistake("a: 1\n---\nb: 2", "more than one document"),
    Mistake("merge_method: slerp", "slerp computes a model of several", "mergekit itself"),
    Mistake("slices: []", "merge_method is missing"),
    Mistake("merge_method: passthrough", "none given", "slices, models and modules"),
    Mistake("{merge_method: passthrough, slices: [], models: []}", "slices and models given"),
    Mistake("{merge_method: passthrough, slices: []}", "slices: expected a list of at least one"),
    Mistake("{merge_method: passthrough, slices: [{}]}", "slices[0]: sources is missing"),
    Mistake(
      "{merge_method: passthrough, models: [{model: a}, {model: b}]}",
      "names 2 models (a, b)", "one model"),
    Mistake("{merge_method: passthrough, modules: {vision: {}}}", "modules.vision", "default"),
    Mistake(
      "{merge_method: passthrough, modules: {default: {models: [{model: a}], dtype: x}}}",
      "modules.default.dtype", "slices, models, parameters"),
    .source("layer_range: [0]", "has 1 number;"),
    .source("layer_range: [2, 1]", "goes from 2 down to 1"),
    .source("layer_range: [-2, 1]", "layer -2 is before the first"),
    .source("layer_range: [0, 1.5]", "expected an integer, not \"1.5\""),
    .source("layer_range: [0, 010]", "expected an integer, not \"010\""),
    .source("layer_range: [0, 99999999999999999999]", "expected an integer"),
    .source("layer_range: 3", "expected a list"),
    .source("layer_ranges: [0, 1]", "layer_ranges: is no key of a passthrough recipe"),
    .source("parameters: {scale: 1}", "layer_range is missing"),
    .source("layer_range: [0, 1], parameters: {weight: 1}", "parameters.weight", "one of scale"),
    .source("layer_range: [0, 1], parameters: {scale: yes}", "expected a number, not \"yes\""),
    .source("layer_range: [0, 1], parameters: {scale: .inf}", "expected a number"),
    .source("layer_range: [0, 1], parameters: {scale: 1e999}", "expected a number"),
    .source("layer_range: [0, 1], parameters: {scale: []}", "expected a list of at least one"),
    .source("layer_range: [0, 1], parameters: {scale: [1, {value: 2}]}", "scale[0]"),
    .source("layer_range: [0, 1], parameters: {scale: [{filter: q}]}", "value is missing"),
    .whole("base_model: n", "takes layers of n, m"),
    .whole("base_model: m+adapter", "base_model", "adapter"),
    .whole("base_model: {model: m, lora: x}", "base_model.lora", "adapter"),
    .whole("dtype: int8", "dtype: \"int8\" is no type of weights", "bfloat16"),
    .whole("tokenizer_source: other", "other is not the recipe's model, m"),
    .whole("tokenizer_source: base, tokenizer: {source: base}", "give one of them"),
    .whole("tokenizer: {source: base, pad_to_multiple_of: 8}", "tokenizer.pad_to_multiple_of"),
    .whole("chat_template: auto", "chat_template", "leave it out"),
    .whole("weight: 1", "weight: is no key"),
  ]

  @Test("mistakes are named with their place", arguments: mistakes)
  func mistakesAreNamed(_ mistake: Mistake) {
    let error = #expect(throws: GrowthError.self) {
      try MergeRecipe(yaml: mistake.yaml, name: "recipe.yml")
    }
    let text = error?.description ?? ""
    #expect(text.hasPrefix("recipe.yml"), "\(text)")
    for part in mistake.says { #expect(text.contains(part), "\(text)") }
  }

  @Test("a file that is not there")
  func missing() {
    let error = #expect(throws: GrowthError.self) {
      try MergeRecipe(contentsOf: URL(filePath: "/nowhere/recipe.yml"))
    }
    #expect(error?.code == .unreadableSource)
  }

  @Test("weights are rounded once")
  func rounding() throws {
    func check(_ model: String, _ recipe: MergeRecipe) throws {
      try recipe.check(against: try GrowthSource(reading: FamilyGolden(name: model).url))
    }
    func recipe(_ factor: Double, _ type: DType?, _ output: DType?) -> MergeRecipe {
      MergeRecipe(
        model: "m", slices: [.init(layers: 0..<1, scales: [.init(factor: factor)])], type: type,
        outputType: output)
    }
    for (model, recipe) in [
      ("mistral", recipe(0.3, .bfloat16, .float32)), ("mistral", recipe(0.3, .float16, .bfloat16)),
      ("mistral-bfloat16", recipe(0.3, nil, .float32)),
    ] {
      let error = #expect(throws: GrowthError.self) { try check(model, recipe) }
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains("give dtype: float32") ?? false)
    }
    for (model, recipe) in [
      ("mistral", recipe(0, .bfloat16, .float32)), ("mistral", recipe(0.3, nil, .bfloat16)),
      ("mistral", recipe(0.3, .bfloat16, .bfloat16)), ("mistral", recipe(0.3, .float32, .float16)),
      ("mistral-bfloat16", recipe(0.3, .float32, .bfloat16)),
      ("mistral-bfloat16", recipe(0.3, .bfloat16, nil)),
    ] {
      try check(model, recipe)
    }
    let model = try FamilyGolden(name: "mistral").directory().configuration.model
    #expect(recipe(1, .bfloat16, nil).growth(of: model).sourceRounding == nil)
    #expect(recipe(1, .bfloat16, .float32).growth(of: model).sourceRounding == .bfloat16)
    #expect(recipe(2, .bfloat16, nil).growth(of: model).sourceRounding == .bfloat16)
    #expect(recipe(2, .float32, .bfloat16).growth(of: model).sourceRounding == nil)
  }
}
