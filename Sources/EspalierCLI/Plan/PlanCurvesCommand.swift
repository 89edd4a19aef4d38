// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// `espalier plan curves`: the schedule between two measured curves.
struct PlanCurvesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "curves",
    abstract: "Find where to grow and where to stop between two measured loss curves.",
    discussion: """
      The small model is trained until its slope d log L / d log C rises above the threshold; the \
      large one goes on from the step at which it had the same loss, and is stopped where its own \
      slope rises above the optimality threshold. The saving is the share of the large model's \
      compute from scratch to there, counted as 6 · N · tokens unless the files have a column of \
      FLOPs.

      Files are CSV with a header that names step and loss (also Value, as TensorBoard exports), or \
      with these two columns and no header. The literal method is the paper's detector; the robust \
      one is for noisy curves.

      Examples:
        espalier plan curves half.csv full.csv --parameters 42.5e6 84.9e6 \
      --tokens-per-step 524288 --threshold depth
        espalier plan curves half.csv full.csv --parameters 1e6 4e6 --tokens-per-step 4096 \
      --threshold -0.0475 --method robust --json

      Exit codes: 0 done, 1 error, 64 wrong usage.
      """)

  @Argument(help: "The small model's curve.", completion: .file(extensions: ["csv"]))
  var small: String

  @Argument(help: "The large model's curve.", completion: .file(extensions: ["csv"]))
  var large: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Parameters without embeddings of the small and of the large model.", valueName: "n"))
  var parameters: [Double]

  @Option(parsing: .unconditional, help: "Tokens of an optimizer step.")
  var tokensPerStep: Double

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The small model's slope at which to grow: a number below 0, or the published one for depth, "
        + "width or both doubled.", valueName: "slope|depth|width|both"))
  var threshold: SlopeThreshold

  @Option(parsing: .unconditional, help: "The large model's slope at which to stop.")
  var optimality = PublishedGrowth.optimalityThreshold

  @Option(help: "The slope detector: literal or robust.")
  var method = SlopeDetectorConfiguration.Method.literal

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard parameters.count == 2 else {
      throw ValidationError(
        "--parameters has \(Readable.exact(parameters.count, of: "number")); expected the small model's "
          + "and the large one's.")
    }
    try PlanChecks.tokensPerStep(tokensPerStep)
    try PlanChecks.slope("--threshold", threshold.slope)
    try PlanChecks.slope("--optimality", optimality)
  }

  func run() throws {
    let curves = try zip([small, large], parameters).map { path, count in
      try LossCurve(csv: path, parameterCount: count, tokensPerStep: tokensPerStep)
    }
    let plan = try CurvePlan(
      from: curves[0], to: curves[1], growthThreshold: threshold.slope,
      optimalityThreshold: optimality, method: method)
    if json { return try CommandOutput.print(json: Report(plan)) }
    try CommandOutput.print(PlanText.lines(plan))
  }

  /// The plan with the numbers that follow from it.
  private struct Report: Encodable {
    var plan: CurvePlan
    var saving: Double
    var growthRatio: Double
    var scratchFLOPs: Double
    var stagedFLOPs: Double

    init(_ plan: CurvePlan) {
      self.plan = plan
      saving = plan.saving
      growthRatio = plan.growthRatio
      scratchFLOPs = plan.scratchFLOPs
      stagedFLOPs = plan.stagedFLOPs
    }
  }
}

/// A slope, or a published growth's.
struct SlopeThreshold: ExpressibleByArgument {
  var slope: Double

  init?(argument: String) {
    guard let slope = PublishedGrowth(rawValue: argument)?.threshold ?? Double(argument) else {
      return nil
    }
    self.slope = slope
  }
}

extension SlopeDetectorConfiguration.Method: ExpressibleByArgument {}
extension ComputeCount: ExpressibleByArgument {}
