// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier run`: a recipe of several stages becomes a grown and trained model.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Train a model in stages as a recipe says: train, grow, train on.",
    discussion: """
      Trains the small model of the recipe's first stage until the stage's moment, grows the whole \
      training state, proves on held-out text that the loss is what it was, moves the learning-rate \
      schedule to where a model of the new size would stand, and trains on. A run that was \
      interrupted or killed, also in the middle of a growth, goes on with --resume as if nothing had \
      happened, bit for bit.

      A recipe may leave its stages to the planner (`stages: auto`), or --plan names the file that \
      `espalier plan -o` wrote. What was planned is kept in the run's plan.json, so that --resume \
      never plans anew.

      The run's directory is that of `espalier train`, with the last state of every small model and \
      the receipt of every growth under stages/, and at the end report.html.

      Examples:
        espalier run --example > staged.yaml
        espalier run staged.yaml -o runs/staged
        espalier run -o runs/staged --resume
        espalier run recipe.yaml -o runs/auto --set stages=auto
        espalier run recipe.yaml -o runs/planned --plan plan.json
        espalier run staged.yaml -o runs/late --set "schedule.peak=2e-3"

      Exit codes: 0 done, 1 error, 3 the run ended before its last stage, 64 wrong usage, 130 \
      interrupted.
      """)

  @OptionGroup var training: TrainingOptions

  @Option(
    help: ArgumentHelp(
      "Follow the stages of this plan, instead of the recipe's.", valueName: "plan.json"),
    completion: .file(extensions: ["json"]))
  var plan: String?

  @Flag(name: .customLong("no-report"), help: "Write no report.html at the end.")
  var noReport = false

  func validate() throws {
    guard plan == nil || !training.resumes else {
      throw ValidationError("The run keeps its plan; --plan does not go with --resume.")
    }
  }

  func run() async throws {
    guard !training.example else { return try CommandOutput.write(Recipe.stagedExample) }
    try training.train(
      as: Self.configuration.commandName ?? "run", report: noReport ? .none : .written,
      overrides: plan.map { [RecipeOverride(followingPlan: URL(filePath: $0))] } ?? [])
  }
}
