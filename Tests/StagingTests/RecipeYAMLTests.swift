// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing
import Training

@Suite("YAML in recipes")
struct RecipeYAMLTests {
  @Test("a merge key takes over a group, and own keys come first")
  func merging() throws {
    let recipe = try decode(
      """
      version: 1
      x-defaults:
        model: &small {architecture: gpt2, layers: 2, hidden: 32, heads: 4, context: 16}
        quick: &quick {every: 5 steps}
        few: &few {every: 7 steps, batches: 3}
      model: {<<: *small, layers: 6}
      tokenizer: {kind: bytes}
      data: {train: corpus.txt}
      batch: {sequences: 4}
      schedule: {kind: constant, peak: 1e-3}
      evaluate: {<<: [*quick, *few]}
      stop: {after: 10 steps}
      """)
    #expect(recipe.model?.layerCount == 6 && recipe.model?.hiddenSize == 32)
    #expect(recipe.training.evaluation == EvaluationConfiguration(every: .steps(5), batches: 3))
  }

  @Test("merge keys within merged groups, and aliases of values")
  func nestedMerging() throws {
    let recipe = try decode(
      """
      version: 1
      seed: &number 4
      x-a: &a {layers: 2, heads: *number}
      x-b: &b {<<: *a, hidden: 32}
      model:
        <<: *b
        architecture: gpt2
        context: 16
      tokenizer: {kind: bytes}
      data: {train: corpus.txt}
      batch: {sequences: *number}
      schedule: {kind: constant, peak: 1e-3}
      stop: {after: 10 steps}
      """)
    #expect(recipe.model?.headCount == 4 && recipe.model?.layerCount == 2)
    #expect(recipe.training.batch.sequences == 4)
  }

  @Test("a merged key that no recipe has is named where it stands")
  func mergedMistakes() {
    let error = #expect(throws: StagingError.self) {
      try decode(
        minimalRecipe.replacing(
          "batch: {sequences: 4}", with: "x-b: &b {sequence: 4}\nbatch: {<<: *b}"))
    }
    #expect(
      error?.description == "recipe.yaml:5: batch.sequence: unknown key; did you mean sequences?")
  }

  @Test(
    "what is no recipe gets a clear error",
    arguments: [
      ("batch: {<<: 3}", "<< takes over a group of keys"),
      ("batch: {<<: [{sequences: 4}, 3]}", "<< takes over a group of keys"),
      ("batch: *nothing", "undefined alias"),
      ("batch: &a {sequences: *a}", "undefined alias"),
      ("batch: {sequences: 4, sequences: 5}", "the key sequences stands twice; keep one"),
      ("batch:\n\tsequences: 4", "a tab is no indentation"),
      ("batch: {sequences: 4}\n---\nseed: 1", "more than one document"),
      (
        "batch: " + String(repeating: "[", count: 200) + String(repeating: "]", count: 200),
        "nested more than 64 deep"
      ),
      ("batch: " + String(repeating: "[", count: 100_000), "nested too deep"),
      ("batch: {? [a, b] : 4}", "a key must be a word"),
    ])
  func refused(_ replacement: String, _ message: String) {
    let text = minimalRecipe.replacing("batch: {sequences: 4}", with: replacement)
    let error = #expect(throws: StagingError.self) { try decode(text) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    #expect((error?.description.count ?? .max) < 600)
  }

  @Test("aliases of aliases are counted before they fill the memory")
  func aliasBomb() {
    let levels = (1...30).map { "x-\($0): &l\($0) [*l\($0 - 1), *l\($0 - 1), *l\($0 - 1)]" }
    let text = minimalRecipe + "\nx-0: &l0 [a, b]\n" + levels.joined(separator: "\n")
    let error = #expect(throws: StagingError.self) { try decode(text) }
    #expect(error?.message.contains("values, aliases written out") == true)
  }

  @Test(
    "numbers as YAML writes them",
    arguments: [
      ("1_000", 1000), ("0x10", 16), ("0o17", 15), ("+7", 7), ("010", 10), ("0x_10", nil),
      ("1__0", nil), ("_1", nil), ("1e3", nil), ("8.0", nil), ("0x", nil), ("0x-1", nil),
      ("1:30", nil), ("١٢", nil), (".inf", nil), ("99999999999999999999", nil),
    ] as [(String, Int?)])
  func integers(_ text: String, _ value: Int?) throws {
    let text = minimalRecipe.replacing("sequences: 4", with: "sequences: \(text)")
    guard let value else {
      let error = #expect(throws: StagingError.self) { try decode(text) }
      #expect(error?.message.contains("expected an integer") == true)
      return
    }
    #expect(try decode(text).training.batch.sequences == value)
  }

  @Test(
    "real numbers as YAML writes them",
    arguments: [
      ("1e-3", 1e-3), ("1E-3", 1e-3), (".5", 0.5), ("1_0.5", 10.5), ("0x10", 16), ("2", 2),
      (".inf", nil), ("-.inf", nil), (".nan", nil), ("inf", nil), ("nan", nil), ("1e999", nil),
      ("0x1p-3", nil), ("1e", nil), ("\"1e-3\"", nil), ("yes", nil), ("~", nil),
    ] as [(String, Double?)])
  func numbers(_ text: String, _ value: Double?) throws {
    let text = minimalRecipe.replacing("peak: 1e-3", with: "peak: \(text)")
    guard let value else {
      let error = #expect(throws: StagingError.self) { try decode(text) }
      #expect(error?.description.contains("schedule.peak") == true)
      return
    }
    #expect(try decode(text).training.schedule.peak == value)
  }

  @Test("truth values are true and false; yes and no are told apart from them")
  func flags() throws {
    func text(_ word: String) -> String {
      minimalRecipe.replacing("context: 16}", with: "context: 16, tieHead: \(word)}")
    }
    for word in ["true", "True", "TRUE"] {
      #expect(try decode(text(word)).model?.tiesHead == true)
    }
    #expect(try decode(text("False")).model?.tiesHead == false)
    for word in ["yes", "no", "on", "off", "1", "\"true\"", "tRUE"] {
      let error = #expect(throws: StagingError.self) { try decode(text(word)) }
      #expect(error?.message.contains("expected true or false") == true)
    }
  }
}
