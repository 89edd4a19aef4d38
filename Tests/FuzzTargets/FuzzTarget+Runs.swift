// SPDX-License-Identifier: Apache-2.0
import Foundation
import Growth
import Planning
import RunLogs
import Staging
import Text

extension FuzzTarget {
  /// Readers of recipes, plans and what runs leave.
  package static let runs: [FuzzTarget] = [
    FuzzTarget("recipe", words: ["model:", "stages:", "until:", "grow:", "steps", "1e-3", "auto"]) {
      data in
      guard let text = String(validating: data, as: UTF8.self) else { return }
      let file = RecipeFile(text: text, directory: URL(filePath: "/nowhere"))
      let recipe = try file.recipe()
      let model = try recipe.model?.configuration(tokenizerVocabularySize: 257)
      _ = try model?.floatingPointOperations(sequenceLength: 64)
      try recipe.training.validate()
    },
    FuzzTarget("mergekit", words: ["slices:", "sources:", "layer_range:", "passthrough"]) { data in
      guard let text = String(validating: data, as: UTF8.self) else { return }
      _ = try MergeRecipe(yaml: text, name: "input")
    },
    FuzzTarget("plan", words: ["stages", "origin", "formatVersion", "until", "grow"]) { data in
      let plan = try RunPlan(data, name: "input")
      let again = try RunPlan(try plan.encoded(), name: "again")
      promise(try plan.encoded() == again.encoded(), "a plan reads differently once written")
    },
    FuzzTarget("stageplan", words: ["stages", "law", "tokens", "flops", "1e308"]) { data in
      _ = try StagePlan(json: data, name: "input")
    },
    FuzzTarget("log", words: ["step", "loss", "tokens", "flops", "event", "NaN", "1e308"]) { data in
      let records = try ScratchFile.with(data, named: "log.jsonl") {
        try RunLogReader.records(path: $0.path(percentEncoded: false))
      }
      for record in records.prefix(64) {
        let again = try RunRecord(jsonLine: Data(record.jsonLine.utf8))
        promise(again == record, "a record reads differently once written")
      }
    },
    FuzzTarget("csv", words: ["step,loss", "tokens", "flops", "NaN", "1e308"]) { data in
      guard let text = String(validating: data, as: UTF8.self) else { return }
      let curve = try LossCurve(
        csvText: text, name: "input", parameterCount: 1e6, tokensPerStep: 4096)
      _ = curve.firstPoint(reaching: 3)
    },
    FuzzTarget("jsonlines", words: ["{\"text\": \"", "\\ud800", "\"}\n", "null"]) { data in
      try readCorpus(data, named: "input.jsonl")
    },
    FuzzTarget("gzip") { data in try readCorpus(data, named: "input.txt.gz") },
  ]

  /// All readers.
  package static let all = models + runs

  /// Reads an input as `espalier prepare` does, in small pieces.
  private static func readCorpus(_ data: Data, named name: String) throws {
    try ScratchFile.with(data, named: name) { url in
      var limits = CorpusReader.Limits()
      limits.pieceByteCount = 1 << 10
      limits.windowByteCount = 1 << 12
      limits.lineByteCount = 1 << 14
      let reader = CorpusReader(
        try CorpusInput.find([url.path(percentEncoded: false)]), limits: limits)
      var pieces = 0
      while let piece = try reader.next(), pieces < 1 << 12 {
        pieces += 1
        guard case .lines(let first) = piece.content else { continue }
        try JSONLines.forEach(in: piece.bytes, firstLine: first) { _, _ in }
      }
    }
  }
}
