// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Report and compare")
struct ReportAndCompareTests {
  /// A workplace with runs on the same tokens: two of each kind, which differ in their seed.
  private func trained() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    try run(
      ["prepare", "corpus.txt", "-o", "tokens", "--vocabulary", "264", "--quiet"], in: place)
    try Data(recipe.utf8).write(to: place.url.appending(path: "tokens.yaml"))
    for (name, seed, rate) in [
      ("a1", 1, "1e-2"), ("a2", 2, "1e-2"), ("b1", 1, "2e-3"), ("b2", 2, "2e-3"),
    ] {
      try run(
        [
          "train", "tokens.yaml", "-o", name, "--quiet", "--threads", "1", "--set",
          "seed=\(seed)", "--set", "schedule.peak=\(rate)",
        ], in: place)
    }
    return place
  }

  private let recipe = """
    version: 1
    model: {architecture: gpt2, layers: 1, hidden: 8, heads: 2, context: 16}
    data: tokens
    batch: {sequences: 4}
    schedule: {kind: constant, peak: 1e-2}
    evaluate: {every: 2 steps, batches: 2}
    checkpoint: none
    stop: {after: 40 steps}
    """

  @discardableResult
  private func run(
    _ arguments: [String], in place: CommandWorkplace, status: Int32 = 0
  ) throws -> BuiltCommand.Result {
    let result = try BuiltCommand.run(arguments, in: place.url)
    #expect(result.status == status, "\(arguments): \(result.errors)")
    return result
  }

  private func text(_ path: String, in place: CommandWorkplace) throws -> String {
    try String(contentsOf: place.url.appending(path: path), encoding: .utf8)
  }

  @Test("compare finds the cheaper runs, in text and JSON")
  func compare() throws {
    let place = try trained()
    struct Result: Decodable {
      struct Contrast: Decodable {
        struct Interval: Decodable { var low, high, confidence: Double }
        var mean: Double
        var interval: Interval?
      }
      struct Member: Decodable { var name: String, loss: Double, flops: Double }
      var basis: String
      var computeSaving, lossExcess: Contrast
      var staged, scratch: [Member]
      var notes: [String]
    }
    let arguments = ["compare", "a1", "a2", "--against", "b1", "b2"]
    let output = try run(arguments + ["--json"], in: place).output
    let result = try JSONDecoder().decode(Result.self, from: Data(output.utf8))
    #expect(result.basis == "curves")
    #expect(result.staged.map(\.name) == ["a1", "a2"])
    #expect(result.scratch.map(\.name) == ["b1", "b2"])
    // A rate five times as high learns faster from the start.
    #expect(result.computeSaving.mean > 0.2 && result.computeSaving.mean < 1)
    #expect(result.lossExcess.mean < 0)
    #expect(result.computeSaving.interval?.confidence == 0.95)
    #expect(result.notes.contains { $0.contains("never grown: a1, a2") })
    // The log has the losses that are told.
    let last = try place.loggedEvaluations("a1").last
    #expect(result.staged[0].loss == last?.validationLoss)
    #expect(result.staged[0].flops == last?.flops)

    let lines = try run(arguments, in: place).output
    #expect(lines.contains("FLOPs saved") && lines.contains("95 % interval"))
    let reversed = try run(["compare", "b1", "--against", "a1"], in: place).output
    #expect(reversed.contains("FLOPs saved  −") || reversed.contains("FLOPs saved  ≤ −"))
  }

  @Test("compare refuses other data, and marks what is forced")
  func refuse() throws {
    let place = try trained()
    try run(
      [
        "train", "recipe.yaml", "-o", "other", "--quiet", "--set", "stop.after=8 steps", "--set",
        "schedule.kind=constant",
      ], in: place)
    let refused = try run(["compare", "a1", "--against", "other"], in: place, status: 1)
    #expect(refused.output.isEmpty)
    #expect(refused.errors.contains("different training tokens"))
    #expect(refused.errors.contains("--force compares them all the same"))
    let forced = try run(["compare", "a1", "--against", "other", "--force"], in: place)
    #expect(forced.output.hasPrefix("NOT COMPARABLE: "))
    for arguments in [
      ["compare", "a1"], ["compare", "a1", "--against", "b1", "--confidence", "2"],
      ["report", "a1", "b1"], ["report", "a1", "--terminal", "-o", "x.html"],
    ] { try run(arguments, in: place, status: 64) }
    let missing = try run(["report", "nowhere"], in: place, status: 1)
    #expect(missing.errors.contains("there is no run here"))
    #expect(
      try run(["compare", "a1", "--against", "b1", "--loss", "-1"], in: place, status: 64).errors
        .contains("--loss"))
  }

  @Test("report writes a page, charts, and a plot for the terminal")
  func report() throws {
    let place = try trained()
    #expect(try run(["report", "a1"], in: place).output.contains("Wrote a1/report.html"))
    let single = try text("a1/report.html", in: place)
    #expect(single.hasPrefix("<!doctype html>") && !single.contains("What was saved"))
    #expect(single.contains("schedule: {kind: constant, peak: 1e-2}"))
    #expect(single.contains("# set over the recipe: seed=1"))

    try run(
      ["report", "a1", "a2", "--against", "b1", "b2", "-o", "all.html", "--charts", "figures"],
      in: place)
    let all = try text("all.html", in: place)
    #expect(all.contains("What was saved") && all.contains("staged (2 runs)"))
    let figures = try FileManager.default.contentsOfDirectory(
      atPath: place.url.appending(path: "figures").path)
    #expect(figures.contains("loss-compute.svg") && figures.contains("slope.svg"))
    #expect(try text("figures/loss-compute.svg", in: place).contains("prefers-color-scheme"))

    let plot = try run(["report", "a1", "b1", "--terminal", "--over", "steps"], in: place).output
    let lines = plot.split(separator: "\n")
    #expect(lines.first == "loss (nats per token)")
    #expect(lines.allSatisfy { $0.count <= 80 })
    #expect(lines.contains { $0.contains("optimizer steps") })
    #expect(lines.suffix(2).map { $0.suffix(2) } == ["a1", "b1"])
    #expect(!plot.contains("\u{1B}"))
  }
}
