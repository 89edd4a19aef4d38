// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Plan")
struct PlanCommandTests {
  private struct CurveReport: Decodable {
    var plan: CurvePlan
    var saving: Double
    var growthRatio: Double
  }

  /// A folder with a recipe, and curves of the published law as CSV.
  private func place() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    try Data(Self.recipe.utf8).write(to: place.url.appending(path: "target.yaml"))
    for (name, size) in [("small", 1e6), ("middle", 4e6), ("large", 16e6)] {
      let lines = (1...400).map { index -> String in
        let loss = ScalingLaw.kaplan.loss(parameters: size, steps: Double(100 * index))
        return "\(100 * index),\(loss * (1 + 1e-3 * sin(Double(index) * size)))"
      }
      try Data((["Step,Value"] + lines).joined(separator: "\n").utf8)
        .write(to: place.url.appending(path: "\(name).csv"))
    }
    return place
  }

  private static let recipe = """
    version: 1
    model: {architecture: gpt2, layers: 8, hidden: 256, heads: 4, context: 128}
    tokenizer: {kind: bpe, vocabulary: 2048}
    data: {train: corpus.txt, validation: {fraction: 0.1}}
    batch: {sequences: 32}
    schedule: {kind: cosine, peak: 1e-3, total: 1000 steps}
    stop: {after: 1000 steps}
    """

  @Test("curves gives the schedule, as text and as JSON")
  func curves() throws {
    let place = try place()
    let arguments = [
      "plan", "curves", "small.csv", "large.csv", "--parameters", "1e6", "16e6",
      "--tokens-per-step", "1e5", "--threshold=-0.04", "--method", "robust", "--optimality=-0.07",
    ]
    let text = try BuiltCommand.run(arguments, in: place.url)
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.output.contains("pre-growth point"))
    #expect(text.output.contains("6 · N · tokens"))
    let json = try BuiltCommand.run(arguments + ["--json"], in: place.url)
    let report = try JSONDecoder().decode(CurveReport.self, from: Data(json.output.utf8))
    #expect(report.saving == report.plan.saving && report.plan.method == .robust)
    #expect(report.growthRatio > 1)
  }

  private static let published = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/data/curves").path

  @Test(
    "the published curves give the published numbers",
    .enabled(
      if: FileManager.default.fileExists(atPath: Self.published),
      "the published curves are not at ../shared/data/curves"),
    arguments: [
      ("depth", "42.5e6", ["2949", "2149", "5099", "1.372", "13.2 %"]),
      ("width", "21.2e6", ["3799", "2049", "5099", "1.854", "21.6 %"]),
    ])
  func publishedCurves(growth: String, parameters: String, numbers: [String]) throws {
    let place = try CommandWorkplace()
    let folder = Self.published
    let result = try BuiltCommand.run(
      [
        "plan", "curves", "\(folder)/base-half-\(growth).csv", "\(folder)/base.csv",
        "--parameters", parameters, "84.9e6", "--tokens-per-step", "524288", "--threshold",
        growth,
      ], in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    for number in numbers { #expect(result.output.contains(number), "\(result.output)") }
  }

  @Test("stages by the published law, to a file")
  func stages() throws {
    let place = try place()
    let text = try BuiltCommand.run(
      [
        "plan", "--target", "target.yaml", "--laws", "kaplan", "--goal", "optimality", "-o",
        "plan.json",
      ], in: place.url)
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.output.contains("saving") && text.output.contains("interval unknown"))
    #expect(text.output.contains("late depth expansion"))
    let data = try Data(contentsOf: place.url.appending(path: "plan.json"))
    let plan = try JSONDecoder().decode(StagePlan.self, from: data)
    #expect(plan.stages.count > 1)
    #expect(plan.stages.last?.model.vocabularySize == 2048)
    #expect(plan.tokensPerStep == 32 * 128)
    let json = try BuiltCommand.run(
      ["plan", "stages", "--target", "target.yaml", "--goal", "optimality", "--json"],
      in: place.url)
    #expect(try JSONDecoder().decode(StagePlan.self, from: Data(json.output.utf8)) == plan)
  }

  @Test("the goal is the recipe's own length, where it has one")
  func recipesLength() throws {
    let place = try place()
    let unbounded = Self.recipe.replacing("total: 1000 steps", with: "total: 1e15 FLOPs")
      .replacing("after: 1000 steps", with: "after: 1e15 FLOPs")
    try Data(unbounded.utf8).write(to: place.url.appending(path: "unbounded.yaml"))
    func plan(_ options: [String]) throws -> StagePlan {
      let result = try BuiltCommand.run(["plan", "--json", "--target"] + options, in: place.url)
      #expect(result.status == 0, "\(result.errors)")
      return try JSONDecoder().decode(StagePlan.self, from: Data(result.output.utf8))
    }
    let own = try plan(["target.yaml"])
    #expect(own.scratch.steps == 1000)
    #expect(own.notes.first?.contains("1,000 steps") == true)
    #expect(try plan(["target.yaml", "--run-length"]) == own)
    // A length in FLOPs is none that a planner could count on.
    #expect(try plan(["unbounded.yaml"]).scratch.steps > 10_000)
  }

  @Test("stages by a law that is fitted to curves")
  func fittedToCurves() throws {
    let place = try place()
    let arguments = [
      "plan", "--target", "target.yaml", "--curves", "small.csv", "middle.csv", "large.csv",
      "--parameters", "1e6", "4e6", "16e6", "--stages", "2", "--goal", "optimality",
    ]
    let text = try BuiltCommand.run(arguments, in: place.url)
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.output.contains("αN  0.07"))
    // Points and law, drawn: three curves with a name each.
    #expect(text.output.contains("loss (nats per token)"))
    #expect(text.output.contains("optimizer steps"))
    for curve in ["small.csv, N = 1.00M", "middle.csv, N = 4.00M", "large.csv, N = 16.0M"] {
      #expect(text.output.contains(curve), "\(text.output)")
    }
    let plot = try BuiltCommand.run(arguments + ["--plot", "law.svg", "--json"], in: place.url)
    #expect(plot.status == 0 && !plot.output.contains("optimizer steps"))
    let svg = try String(contentsOf: place.url.appending(path: "law.svg"), encoding: .utf8)
    #expect(svg.contains("<svg") && svg.contains("The law and what it was fitted to"))
    #expect(
      try BuiltCommand.run(["plan", "--target", "target.yaml", "--plot", "x.svg"], in: place.url)
        .status == 64)
    let json = try BuiltCommand.run(arguments + ["--json"], in: place.url)
    let plan = try JSONDecoder().decode(StagePlan.self, from: Data(json.output.utf8))
    let interval = try #require(plan.saving.interval)
    #expect(interval.low <= plan.saving.share && plan.saving.share <= interval.high)
    #expect(abs(plan.law.stepExponent - 0.76) < 0.02)
    #expect(plan.stages.count == 2)
  }

  @Test("a fit to runs takes their validations")
  func fittedToRuns() throws {
    let place = try CommandWorkplace()
    try Data(Self.recipe.utf8).write(to: place.url.appending(path: "target.yaml"))
    for layers in [1, 2] {
      let training = try BuiltCommand.run(
        [
          "train", "recipe.yaml", "-o", "run\(layers)", "--set", "stop.after=20 steps", "--set",
          "evaluate.every=2 steps", "--set", "model.layers=\(layers)", "--quiet",
        ], in: place.url)
      #expect(training.status == 0, "\(training.errors)")
    }
    let result = try BuiltCommand.run(
      ["plan", "--target", "target.yaml", "--fit", "run1", "run2", "--compute", "1e13"],
      in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("run1/log.jsonl"))
    let alone = try BuiltCommand.run(
      ["plan", "--target", "target.yaml", "--fit", "run1"], in: place.url)
    #expect(alone.status == 1)
    #expect(alone.errors.contains("fit: 1 model size"))
  }

  @Test("pilots are trained, kept, and fitted to")
  func pilots() throws {
    let place = try place()
    let tiny = Self.recipe
      .replacing("layers: 8, hidden: 256, heads: 4, context: 128", with: Self.tinySizes)
      .replacing("vocabulary: 2048", with: "vocabulary: 264")
      .replacing("sequences: 32", with: "sequences: 2")
    try Data(tiny.utf8).write(to: place.url.appending(path: "tiny.yaml"))
    let arguments = [
      "plan", "pilot", "--target", "tiny.yaml", "-o", "pilots", "--steps", "40", "--sizes", "2",
      "--quiet",
    ]
    let dry = try BuiltCommand.run(arguments + ["--dry-run"], in: place.url)
    #expect(dry.status == 0, "\(dry.errors)")
    #expect(dry.output.contains("together") && dry.output.contains("FLOPs"))
    let pilots = place.url.appending(path: "pilots").path
    #expect(!FileManager.default.fileExists(atPath: pilots))
    let first = try BuiltCommand.run(arguments, in: place.url)
    #expect(first.status == 0, "\(first.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: pilots).sorted()
    #expect(names.count == 2)
    let logs = try names.map { try Data(contentsOf: place.run("pilots/\($0)").log).count }
    // Done runs stay as they are.
    let again = try BuiltCommand.run(arguments, in: place.url)
    #expect(again.status == 0, "\(again.errors)")
    let evaluations = try place.loggedEvaluations("pilots/\(names[0])")
    #expect(Set(evaluations.map(\.step)).count >= 40 && logs.allSatisfy { $0 > 0 })
    #expect(try place.loggedSteps("pilots/\(names[0])").count == 40)
    let plan = try BuiltCommand.run(
      ["plan", "--target", "tiny.yaml", "--compute", "1e13", "--fit"]
        + names.map { "pilots/\($0)" }, in: place.url)
    #expect(plan.status == 0, "\(plan.errors)")
  }

  private static let tinySizes = "layers: 4, hidden: 16, heads: 2, context: 16"

  @Test("mistakes are told on standard error")
  func mistakes() throws {
    let place = try place()
    let goal = try BuiltCommand.run(
      ["plan", "--target", "target.yaml", "--loss", "0.5"], in: place.url)
    #expect(goal.status == 1)
    #expect(goal.errors.contains("choose a higher loss or a larger target"))
    let missing = try BuiltCommand.run(
      [
        "plan", "curves", "nowhere.csv", "large.csv", "--parameters", "1", "2",
        "--tokens-per-step", "1", "--threshold", "depth",
      ], in: place.url)
    #expect(missing.status == 1)
    #expect(missing.errors.contains("nowhere.csv: there is no readable file here"))
    for arguments in [
      [], ["--target", "target.yaml", "--stages", "5"],
      ["--target", "target.yaml", "--loss", "3", "--compute", "1"],
      ["--target", "target.yaml", "--laws", "kaplan", "--fit", "run"],
      ["--target", "target.yaml", "--curves", "small.csv"],
      [
        "curves", "small.csv", "large.csv", "--parameters", "1", "--tokens-per-step", "1",
        "--threshold", "depth",
      ],
      [
        "curves", "small.csv", "large.csv", "--parameters", "1", "2", "--tokens-per-step", "1",
        "--threshold", "deep",
      ],
    ] {
      #expect(
        try BuiltCommand.run(["plan"] + arguments, in: place.url).status == 64, "\(arguments)")
    }
  }
}
