// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import GoldenModels
import Growth
import Testing
import Training

/// Recipes beside mergekit: the same bytes, or a refusal that says why.
struct MergeRecipeGoldenTests {
  /// Recipes that are refused, and what is said of them; the first three mergekit refuses as well.
  static let refused = [
    "beyond-the-end": "layers 0 up to 4 (not included) are not among the model's 3",
    "negative-range": "slices[0].sources[0].layer_range: layer -1 is before the first",
    "two-sources": "has 2 sources (mistral, mistral-sliding)",
    "two-models": "takes layers of mistral, mistral-sliding",
    "empty-slice": "takes layers of mistral, mistral-sliding",
    "tokenizer": "as the tokenizer has tokens, 77, and the model has 80",
  ]
  static let refusedByMergekit: Set = ["beyond-the-end", "negative-range", "two-sources"]

  @Test("every recipe is there, and is either made or refused")
  func all() throws {
    #expect(MergeGolden.all.count == 23)
    #expect(Set(MergeGolden.all.map(\.name)).isSuperset(of: Self.refused.keys))
    for golden in MergeGolden.all {
      #expect(
        try (golden.tensors() == nil) == Self.refusedByMergekit.contains(golden.name),
        "\(golden)")
    }
  }

  @Test("tensors are mergekit's, bit for bit", arguments: MergeGolden.all)
  func identical(_ golden: MergeGolden) throws {
    guard Self.refused[golden.name] == nil, let expected = try golden.tensors() else { return }
    let folder = TestFolder()
    let recipe = try golden.recipe()
    let source = try GrowthSource(reading: FamilyGolden(name: recipe.model).url)
    try recipe.check(against: source)
    let growth = try ModelGrowth(of: source, by: recipe)
    try growth.write(to: folder.url, ModelGrowth.Output(type: recipe.weightType))
    let written = try ModelDirectory(reading: folder.url)
    #expect(Set(written.tensors.names) == Set(expected.keys))
    for entry in written.tensors.entries {
      let bytes = try written.tensors.tensor(named: entry.name).withUnsafeBytes { Data($0) }
      let tensor = MergeGolden.Tensor(
        dtype: entry.dtypeName, shape: entry.shape.extents, sha256: FileDigest(of: bytes).sha256)
      #expect(tensor == expected[entry.name], "\(entry.name)")
    }
    let file = try Data(contentsOf: folder.url.appending(path: "config.json"))
    let settings = try #require(
      try JSONSerialization.jsonObject(with: file) as? [String: NSObject])
    for (key, value) in try golden.settings() { #expect(settings[key] == value, "\(key)") }
    // The receipt makes the same model again.
    let receipt = try GrowthReceipt(reading: folder.url)
    #expect(receipt.path.plans == growth.path.plans)
  }

  @Test("what is no growth is refused", arguments: refused.sorted { $0.key < $1.key })
  func refusals(_ name: String, _ says: String) throws {
    let folder = TestFolder()
    let error = #expect(throws: GrowthError.self) {
      let recipe = try MergeGolden(name: name).recipe()
      let source =
        recipe.model == "llama-tokens"
        ? try folder.copy(of: FamilyGolden(name: "llama"), tokens: 77)
        : FamilyGolden(name: recipe.model).url
      let opened = try GrowthSource(reading: source)
      try recipe.check(against: opened)
      _ = try ModelGrowth(of: opened, by: recipe)
    }
    #expect(error?.description.contains(says) ?? false, "\(error?.description ?? "")")
  }

  @Test("a tokenizer of as many tokens as there are embeddings changes nothing")
  func tokenizerThatFits() throws {
    let folder = TestFolder()
    let recipe = try MergeGolden(name: "tokenizer").recipe()
    let source = try GrowthSource(
      reading: folder.copy(of: FamilyGolden(name: "llama"), tokens: 80))
    try recipe.check(against: source)
    let bare = try GrowthSource(reading: FamilyGolden(name: "llama").url)
    let error = #expect(throws: GrowthError.self) { try recipe.check(against: bare) }
    #expect(error?.message.contains("holds no tokenizer.json") ?? false)
  }

  @Test("LLaMA-Pro's recipe keeps every logit, and says so")
  func keepsTheFunction() throws {
    let golden = FamilyGolden(name: "mistral")
    let grown = try GrownModel(try MergeGolden(name: "llama-pro").recipe(), of: SmallModel(golden))
    #expect(grown.guarantees.isSuperset(of: [.loss, .moments, .symmetry, .liveness]))
    #expect(relativeError(grown.result.logits, try golden.logits()) < 1e-10)
    try grown.checkPromisesHold()
  }

  @Test("recipes that change the function do not promise to keep it", arguments: MergeGolden.all)
  func promises(_ golden: MergeGolden) throws {
    guard Self.refused[golden.name] == nil else { return }
    let recipe = try golden.recipe()
    let small = try SmallModel(FamilyGolden(name: recipe.model))
    try GrownModel(recipe, of: small).checkPromises()
  }
}
