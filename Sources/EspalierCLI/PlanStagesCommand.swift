// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
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
      compute (--compute), what the recipe's own length comes to (--run-length), or else the point \
      where the target is trained just long enough.

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

  @Option(help: "Tokens of an optimizer step, instead of the recipe's.")
  var tokensPerStep: Double?

  @Option(help: "The most stages, 1 to 4.")
  var stages = 3

  @Option(help: "The final loss to reach, in nats.")
  var loss: Double?

  @Option(help: "The compute to spend, in FLOPs by --count.")
  var compute: Double?

  @Flag(
    help: ArgumentHelp(
      "The goal is the loss that the model, trained from scratch, has at the end of the recipe's run, "
        + "as with `stages: auto`."))
  var runLength = false

  @Option(help: "What to minimise: sixN (6 · N · tokens) or exactProgram.")
  var count = ComputeCount.sixN

  @Flag(help: "Fit an irreducible loss as well; needs three model sizes.")
  var irreducible = false

  @Option(help: "Leave out measurements before this step in a fit.")
  var firstStep = 1

  @Option(help: "The seed of the fit's bootstrap.")
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
    guard [loss != nil, compute != nil, runLength].filter({ $0 }).count <= 1 else {
      throw ValidationError("Give one of --loss, --compute and --run-length.")
    }
    guard (1...4).contains(stages) else {
      throw ValidationError("--stages is \(stages); expected 1 to 4.")
    }
    guard plot == nil || !fit.isEmpty || !curves.isEmpty else {
      throw ValidationError("--plot draws a fit; give --fit or --curves as well.")
    }
    guard parameters.count == curves.count else {
      throw ValidationError(
        "--parameters has \(parameters.count) numbers for \(curves.count) --curves; expected one "
          + "each.")
    }
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
    request.goal = try goal(model, length, by: request.law)
    if runLength { request.latestGrowthStep = length.latestGrowthStep }
    request.stageCounts = 1...stages
    request.computeCount = count
    // Before the search, which may fail because of it.
    if let fitted { try show(fitted, measured) }
    try report(StageSearch.plan(request))
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
    if let plot { try write(Data(SVGChart(chart).file.utf8), to: plot) }
    guard !json else { return }
    PlanText.lines(fitted).forEach { print($0) }
    let screen = Terminal(.standardOutput)
    TerminalPlot(
      chart, width: min(100, screen.width), height: 14,
      colours: screen.isInteractive ? .terminal : .none
    ).lines.forEach { print($0) }
    print(plot.map { "Wrote \($0)\n" } ?? "")
  }

  private func write(_ data: Data, to path: String) throws {
    try WholeFile.write(data, to: URL(filePath: path))
  }

  private func goal(
    _ model: ModelConfiguration, _ length: RunLength, by law: ScalingLaw
  ) throws -> PlanGoal {
    guard runLength else {
      return loss.map(PlanGoal.loss) ?? compute.map(PlanGoal.compute) ?? .optimality
    }
    guard let goal = try PlanGoal(reachedBy: model, after: length, law: law) else {
      throw PlanningError(
        .invalidValue, "has no length in steps or tokens; give schedule.total or stop.after",
        subject: targetOptions.target)
    }
    return goal
  }

  private func report(_ plan: StagePlan) throws {
    let text = try JSONText.of(plan)
    if let output { try write(Data((text + "\n").utf8), to: output) }
    guard !json else { return print(text) }
    PlanText.lines(plan).forEach { print($0) }
    if let output { print("\nWrote \(output)") }
  }
}
