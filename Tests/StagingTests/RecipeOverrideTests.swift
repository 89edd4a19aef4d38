// SPDX-License-Identifier: Apache-2.0
import Foundation
import Staging
import Testing
import Training

@Suite("Overrides of recipes")
struct RecipeOverrideTests {
  @Test("Paths begin in the recipe's folder, whether or not its URL ends with a slash")
  func folder() throws {
    for hint in [URL.DirectoryHint.isDirectory, .notDirectory] {
      let recipe = try RecipeFile(
        text: minimalRecipe, directory: URL(filePath: "/recipes", directoryHint: hint),
        overrides: [RecipeOverride(parsing: "data.train=corpus.txt")]
      ).recipe()
      guard case .texts(let files, _) = recipe.data.source else {
        Issue.record("\(recipe.data.source) is not texts")
        return
      }
      #expect(files.map { $0.path(percentEncoded: false) } == ["/recipes/corpus.txt"])
    }
  }

  @Test("replace values, add keys and groups, in order")
  func values() throws {
    let recipe = try decode(
      minimalRecipe,
      [
        "batch.sequences=8", "optimizer.clip=0.5", "evaluate={every: 5 steps, batches: 2}",
        "evaluate.batches=3", "stop.after=2M tokens", "model.dropout=0.1", "seed=3", "seed=4",
        "checkpoint=none", "data.train=[x.txt, y.txt]",
      ])
    let training = recipe.training
    #expect(training.batch.sequences == 8)
    #expect(training.optimizer.clip == 0.5)
    #expect(training.evaluation == EvaluationConfiguration(every: .steps(5), batches: 3))
    #expect(training.stop.after == .tokens(2_000_000))
    #expect(training.seed == 4)
    #expect(training.checkpoint == nil)
    #expect(recipe.model?.dropout.attention == 0.1)
    guard case .texts(let files, _) = recipe.data.source else {
      Issue.record("\(recipe.data.source) is not texts")
      return
    }
    #expect(files.map(\.lastPathComponent) == ["x.txt", "y.txt"])
  }

  @Test(
    "meet the same checks, and the message names the override",
    arguments: [
      (
        "optimizer.clip=high",
        "--set optimizer.clip=high: optimizer.clip: got high; expected a number above 0, or none"
      ),
      (
        "optimiser.clip=1",
        "--set optimiser.clip=1: optimiser: unknown key; did you mean optimizer?"
      ),
      (
        "batch={accumulate: 2}",
        "--set batch={accumulate: 2}: batch.sequences: this key is missing; expected the sequences "
          + "of a micro-batch"
      ),
      (
        "seed.low=1",
        "--set seed.low=1: seed: this is a group of keys; expected an integer from 0 to "
          + "18446744073709551615"
      ),
      (
        "version.major=1",
        "--set version.major=1: version is not a group of keys in the recipe; set version as a whole"
      ),
      (
        "seed=",
        "--set seed=: seed: there is no value; expected an integer from 0 to "
          + "18446744073709551615"
      ),
      (
        "batch={sequences: 4",
        "--set batch={sequences: 4: not YAML: did not find expected ',' or '}' at column 1"
      ),
    ])
  func mistakes(override: String, message: String) {
    let error = #expect(throws: StagingError.self) { try decode(minimalRecipe, [override]) }
    #expect(error?.description == message)
  }

  @Test("must read key=value", arguments: ["seed", "=3", "a..b=3", ".=1", ""])
  func malformed(text: String) {
    let error = #expect(throws: StagingError.self) { try RecipeOverride(parsing: text) }
    #expect(
      error?.description
        == "--set \(text): expected key.path=value, such as optimizer.clip=0.5")
  }

  @Test("keep everything after the first equals sign")
  func equalsSigns() throws {
    let override = try RecipeOverride(parsing: "data.train=a=b.txt")
    #expect(override == RecipeOverride(keyPath: ["data", "train"], value: "a=b.txt"))
    #expect(override.description == "data.train=a=b.txt")
  }
}
