// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Planned runs by command")
struct PlannedRunCommandTests {
  private static let recipe = """
    version: 1
    seed: 11
    model: {architecture: gpt2, layers: 2, hidden: 16, heads: 4, context: 16, dropout: 0.1}
    tokenizer: {kind: bytes}
    data: {train: corpus.txt, validation: {fraction: 0.1}}
    batch: {sequences: 4}
    schedule: {kind: cosine, peak: 1e-2, warmup: 3 steps, total: 40 steps}
    evaluate: {every: 8 steps, batches: 2}
    checkpoint: {every: 10 steps, keep: 2}
    """

  /// A workplace with a recipe and a plan for it by a law under which growth pays in 40 steps.
  private func place() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    try Data(Self.recipe.utf8).write(to: place.url.appending(path: "recipe.yaml"))
    let folder = place.url.appending(path: "plans")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try JSONEncoder().encode(try Self.plan()).write(to: folder.appending(path: "plan.json"))
    return place
  }

  private static func plan() throws -> StagePlan {
    let target = ModelConfiguration(
      architecture: .gpt2, layerCount: 2, hiddenSize: 16, headCount: 4, intermediateSize: 64,
      vocabularySize: 257, contextLength: 16, tiesHead: true)
    let law = ScalingLaw(
      sizeExponent: 0.076, sizeScale: 8.8e13, stepExponent: 0.76, stepScale: 10)
    var request = PlanRequest(target: target, tokensPerStep: 64, law: law, stageCounts: 2...2)
    let parameters = Double(try target.parameterCount().withoutEmbeddings)
    request.goal = .loss(law.loss(parameters: parameters, steps: 40))
    request.latestGrowthStep = 40
    return try StageSearch.plan(request)
  }

  private func run(
    _ arguments: [String], in place: CommandWorkplace, status: Int32 = 0
  ) throws -> BuiltCommand.Result {
    let result = try BuiltCommand.run(arguments + ["--threads", "1"], in: place.url)
    #expect(result.status == status, "\(arguments): \(result.errors)\(result.output)")
    return result
  }

  private func exists(_ path: String, in place: CommandWorkplace) -> Bool {
    FileManager.default.fileExists(atPath: place.url.appending(path: path).path)
  }

  @Test("a plan's file is followed to the report")
  func planFile() throws {
    let place = try place()
    let output = try run(
      ["run", "recipe.yaml", "--plan", "plans/plan.json", "-o", "run"], in: place
    ).output
    #expect(output.contains("expected saving") && output.contains("growing"))
    #expect(output.contains("Report ") && output.contains("run/report.html"))
    #expect(output.contains("FLOPs of training; validations took"))
    #expect(try place.growths("run").map(\.step) == [Self.plan().stages[0].steps])
    let page = try String(
      contentsOf: place.url.appending(path: "run/report.html"), encoding: .utf8)
    #expect(page.contains("Verification of growth") && page.contains("validations of"))
    let kept = try RunPlan(reading: place.run("run").plan)
    let plan = try Self.plan()
    #expect(kept.origin == .plan && kept.plan == plan)
    let inspected = try BuiltCommand.run(["inspect", "run"], in: place.url)
    #expect(inspected.status == 0)
    #expect(inspected.output.contains("2, of a plan's file"))
    #expect(inspected.output.contains("stages/growth-1/growth.json"))
    #expect(inspected.output.contains("FLOPs beside the training"))
  }

  @Test("train and run are one command, with a page at the end of both")
  func oneCommand() throws {
    let place = try place()
    for command in ["train", "run"] {
      let staged = try run(
        [command, "recipe.yaml", "--plan", "plans/plan.json", "-o", "\(command)-staged"], in: place)
      #expect(
        staged.output.contains("growing") && exists("\(command)-staged/report.html", in: place))
      let plain = try run([command, "recipe.yaml", "-o", "\(command)-plain"], in: place)
      #expect(plain.output.contains("Report ") && exists("\(command)-plain/report.html", in: place))
      #expect(!exists("\(command)-plain/plan.json", in: place))
    }
    for kind in ["staged", "plain"] {
      #expect(try place.loggedSteps("train-\(kind)") == place.loggedSteps("run-\(kind)"))
      #expect(try place.lastTensors("train-\(kind)") == place.lastTensors("run-\(kind)"))
    }
    let none = try run(["train", "recipe.yaml", "-o", "none", "--no-report", "--quiet"], in: place)
    #expect(none.output.isEmpty && !exists("none/report.html", in: place))
  }

  @Test("a planned run that is killed again and again needs no plan's file and ends the same")
  func killed() throws {
    let place = try place()
    _ = try run(
      ["run", "recipe.yaml", "--plan", "plans/plan.json", "-o", "unbroken", "--quiet"], in: place)
    var random = SeededRandom(seed: 4)
    var kills = 0
    for round in 0..<8 {
      let begun = place.run("broken").holdsRun
      if begun { try? FileManager.default.removeItem(at: place.url.appending(path: "plans")) }
      let command = try BuiltCommand(
        ["run", "-o", "broken", "--quiet", "--threads", "1"]
          + (begun ? ["--resume"] : ["recipe.yaml", "--plan", "plans/plan.json"]), in: place.url)
      let goal = place.stepsSoFar("broken") + 1 + random.next(below: 8)
      while command.isRunning, place.stepsSoFar("broken") < goal { usleep(300) }
      if round > 0 { usleep(UInt32(random.next(below: 20_000))) }
      command.send(SIGKILL)
      if try command.wait().endedBySignal { kills += 1 } else { break }
    }
    #expect(kills > 0)
    _ = try run(["run", "-o", "broken", "--resume", "--quiet"], in: place)
    #expect(try place.loggedSteps("broken") == place.loggedSteps("unbroken"))
    #expect(try place.lastTensors("broken") == place.lastTensors("unbroken"))
    #expect(try place.growths("broken") == place.growths("unbroken"))
    #expect(exists("broken/report.html", in: place))
  }

  @Test("auto says where growth does not pay; --no-report writes none")
  func auto() throws {
    let place = try place()
    let output = try run(
      ["run", "recipe.yaml", "-o", "run", "--set", "stages=auto", "--no-report"], in: place
    ).output
    #expect(output.contains("Growth does not pay in this run"))
    #expect(!exists("run/report.html", in: place) && exists("run/plan.json", in: place))
    #expect(try place.loggedSteps("run").count == 40)
  }

  @Test("what stands where the report belongs stays; the run is finished, its report beside it")
  func occupiedReport() throws {
    let place = try place()
    let blocker = place.url.appending(path: "run/report.html/inside")
    _ = try run(["run", "recipe.yaml", "-o", "run", "--quiet", "--no-report"], in: place)
    try FileManager.default.createDirectory(at: blocker, withIntermediateDirectories: true)
    let again = try run(["run", "-o", "run", "--resume", "--json"], in: place)
    #expect(again.errors.contains("report.html in the run is no page that espalier made"))
    let summary = try JSONDecoder().decode(TrainingRunSummary.self, from: Data(again.output.utf8))
    #expect(summary.outcome == .finished)
    #expect(
      summary.report?.hasSuffix("report-1.html") == true && exists("run/report-1.html", in: place))
    #expect(exists("run/report.html/inside", in: place))
    #expect((summary.evaluation?.floatingPointOperations ?? 0) > 0)
  }

  @Test("mistakes are told and leave no run")
  func mistakes() throws {
    let place = try place()
    let other = try run(
      [
        "run", "recipe.yaml", "--plan", "plans/plan.json", "-o", "run", "--set",
        "batch.sequences=2",
      ], in: place, status: 1)
    #expect(other.errors.contains("make a plan for this batch"))
    let none = try run(
      ["run", "recipe.yaml", "--plan", "nowhere.json", "-o", "run"], in: place, status: 1)
    #expect(
      none.errors.contains("nowhere.json: there is no readable file here; expected the plan"))
    #expect(!exists("run", in: place))
    _ = try run(["run", "-o", "run", "--resume", "--plan", "x.json"], in: place, status: 64)
  }

  @Test("plan --run-length plans for the recipe's own length")
  func runLength() throws {
    let place = try place()
    let result = try BuiltCommand.run(
      ["plan", "--target", "recipe.yaml", "--run-length", "--json"], in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    let plan = try JSONDecoder().decode(StagePlan.self, from: Data(result.output.utf8))
    #expect(plan.scratch.steps == 40 && plan.stages.count == 1)
    let both = try BuiltCommand.run(
      ["plan", "--target", "recipe.yaml", "--run-length", "--loss", "3"], in: place.url)
    #expect(both.status == 64)
  }
}
