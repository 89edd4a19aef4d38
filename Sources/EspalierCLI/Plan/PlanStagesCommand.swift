// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CheckedInput
import Espalier
import Foundation

/// `espalier plan stages`, or `espalier plan --target`: the stages of least compute by a law.
struct PlanStagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stages",
    abstract: "Search the stages of least compute for a recipe's model (the default of plan).",
    discussion: """
      The law is the published one (--laws kaplan), or is fitted to runs (--fit) or to CSV files \
      (--curves, with --parameters for each) of several model sizes at one batch size, with \
      bootstrap intervals that go into the saving's. The goal is a loss (--loss), an amount of \
      compute (--compute), what the target, trained from scratch, comes to at the end of the recipe's \
      run (--goal run-length, the default where the recipe has a length), or the point where the target \
      is trained just long enough (--goal optimality).

      Only models that can be grown into the target are proposed. Every number of operations says \
      how it was counted: 6 · N · tokens, or the executed program's products.

      Examples:
        espalier plan --target recipe.yaml
        espalier plan --target recipe.yaml --fit runs/a runs/b runs/c --stages 2 -o plan.json
        espalier plan --target recipe.yaml --curves a.csv b.csv --parameters 1e6 4e6 --loss 3.2
        espalier plan --target recipe.yaml --compute 1e15 --count exactProgram --json

      Exit codes: 0 done, 1 error, 64 wrong usage.
      """)

  enum PublishedLaw: String, ExpressibleByArgument, CaseIterable { case kaplan }

  @OptionGroup var targetOptions: PlanTargetOptions

  @Option(help: "A published law: kaplan; the default without --fit and --curves.")
  var laws: PublishedLaw?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Fit the law to these runs' validations.", valueName: "run"),
    completion: .directory)
  var fit: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Fit the law to these CSV files.", valueName: "file"),
    completion: .file(extensions: ["csv"]))
  var curves: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Parameters without embeddings of each of --curves.", valueName: "n"))
  var parameters: [Double] = []

  @Option(parsing: .unconditional, help: "Tokens of an optimizer step, instead of the recipe's.")
  var tokensPerStep: Double?

  @Option(parsing: .unconditional, help: "The most stages, 1 to 4.")
  var stages = 3

  @Option(parsing: .unconditional, help: "The final loss to reach, in nats.")
  var loss: Double?

  @Option(parsing: .unconditional, help: "The compute to spend, in FLOPs by --count.")
  var compute: Double?

  @Option(
    help: ArgumentHelp(
      "What to reach: the loss that the target, trained from scratch, has at the end of the recipe's "
        + "run (as with `stages: auto`), or the point where it is trained just long enough. Default "
        + "run-length where the recipe has a length.", valueName: "run-length|optimality"))
  var goal: Goal?

  @Flag(help: "The same as --goal run-length.")
  var runLength = false

  enum Goal: String, ExpressibleByArgument, CaseIterable {
    case runLength = "run-length"
    case optimality
  }

  @Option(help: "What to minimise: sixN (6 · N · tokens) or exactProgram.")
  var count = ComputeCount.sixN

  @Flag(help: "Fit an irreducible loss as well; needs three model sizes.")
  var irreducible = false

  @Option(parsing: .unconditional, help: "Leave out measurements before this step in a fit.")
  var firstStep = 1

  @Option(parsing: .unconditional, help: "The seed of the fit's bootstrap.")
  var seed: UInt64 = 0

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp("Write the plan to this file as JSON.", valueName: "plan.json"),
    completion: .file(extensions: ["json"]))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Also write the measured points and the fitted law to this file as SVG.",
      valueName: "file.svg"),
    completion: .file(extensions: ["svg"]))
  var plot: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    let sources = [laws != nil, !fit.isEmpty, !curves.isEmpty].filter { $0 }.count
    guard sources <= 1 else {
      throw ValidationError("Give one of --laws, --fit and --curves.")
    }
    guard [loss != nil, compute != nil, goal != nil, runLength].count(where: { $0 }) <= 1 else {
      throw ValidationError("Give one of --loss, --compute and --goal.")
    }
    guard (1...4).contains(stages) else {
      throw ValidationError("--stages is \(stages); expected 1 to 4.")
    }
    guard firstStep >= 1 else {
      throw ValidationError("--first-step is \(firstStep); expected a step, 1 or later.")
    }
    guard plot == nil || !fit.isEmpty || !curves.isEmpty else {
      throw ValidationError("--plot draws a fit; give --fit or --curves as well.")
    }
    guard parameters.count == curves.count else {
      throw ValidationError(
        "--parameters has \(Readable.exact(parameters.count, of: "number")) for \(curves.count) "
          + "--curves; expected one each.")
    }
    try PlanChecks.tokensPerStep(tokensPerStep)
    try PlanChecks.positive("--loss", loss, "a number of nats")
    try PlanChecks.positive("--compute", compute, "a number of FLOPs")
  }

  func run() throws {
    let recipe = try targetOptions.recipe()
    let model = try targetOptions.model(recipe)
    let length = RunLength(recipe.training, contextLength: model.contextLength)
    let tokens = tokensPerStep ?? length.tokensPerStep
    let measured = try measuredCurves(tokensPerStep: tokens)
    let fitted = try fittedLaw(measured)
    var request = PlanRequest(target: model, tokensPerStep: tokens)
    if let fitted {
      request = PlanRequest(target: model, tokensPerStep: tokens, fit: fitted)
    }
    let settled = try settledGoal(model, length, by: request.law)
    request.goal = settled.goal
    if settled.isRunLength { request.latestGrowthStep = length.latestGrowthStep }
    request.stageCounts = 1...stages
    request.computeCount = count
    // Before the search, which may fail because of it.
    if let fitted { try show(fitted, measured) }
    var plan = try StageSearch.plan(request)
    plan.notes.insert(settled.note, at: 0)
    try report(plan)
  }

  private func measuredCurves(tokensPerStep: Double) throws -> [LossCurve] {
    try fit.map { try LossCurve(run: URL(filePath: $0)) }
      + zip(curves, parameters).map { path, parameterCount in
        try LossCurve(csv: path, parameterCount: parameterCount, tokensPerStep: tokensPerStep)
      }
  }

  private func fittedLaw(_ measured: [LossCurve]) throws -> LawFit? {
    guard !measured.isEmpty else { return nil }
    return try LawFitter(
      hasIrreducibleLoss: irreducible, firstStep: firstStep, seed: seed
    ).fit(measured)
  }

  /// The law in numbers and in a picture of the points that it was fitted to.
  private func show(_ fitted: LawFit, _ measured: [LossCurve]) throws {
    let chart = Chart(fitted, curves: measured, firstStep: firstStep)
    if let plot { try NamedFile.write(Data(SVGChart(chart).file.utf8), to: plot, as: .chart) }
    guard !json else { return }
    try CommandOutput.print(PlanText.lines(fitted))
    try PlotOutput.print(chart, width: 100, height: 14)
    try CommandOutput.print([plot.map { "Wrote \($0)" } ?? "", ""].suffix(plot == nil ? 1 : 2))
  }

  private struct SettledGoal {
    var goal: PlanGoal
    var isRunLength = false
    var note: String
  }

  /// The goal that was asked for, else the recipe's own length where it has one.
  private func settledGoal(
    _ model: ModelConfiguration, _ length: RunLength, by law: ScalingLaw
  ) throws -> SettledGoal {
    if let loss { return SettledGoal(goal: .loss(loss), note: "The goal is a loss of \(loss).") }
    if let compute {
      return SettledGoal(
        goal: .compute(compute), note: "The goal is the lowest loss for \(compute) FLOPs.")
    }
    let asked: Goal? = runLength ? .runLength : goal
    if asked != .optimality, let goal = try PlanGoal(reachedBy: model, after: length, law: law) {
      return SettledGoal(
        goal: goal, isRunLength: true,
        note: "The goal is what the target, trained from scratch, comes to in the recipe's "
          + "\(Readable.exact(Int(bounding: (length.steps ?? 0).rounded()))) steps; --goal optimality "
          + "asks for where it is trained just long enough.")
    }
    guard asked != .runLength else {
      throw PlanningError(
        .invalidValue, "has no length in steps or tokens; give schedule.total or stop.after",
        subject: targetOptions.target)
    }
    return SettledGoal(
      goal: .optimality, note: "The goal is where the target is trained just long enough.")
  }

  private func report(_ plan: StagePlan) throws {
    if let output {
      try NamedFile.write(Data((JSONText.of(plan) + "\n").utf8), to: output, as: .plan)
    }
    if json { return try CommandOutput.print(json: plan) }
    try CommandOutput.print(PlanText.lines(plan) + (output.map { ["", "Wrote \($0)"] } ?? []))
  }
}
