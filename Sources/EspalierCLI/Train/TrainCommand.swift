// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier

/// The commands that train: one and the same, whose words and examples speak of one model or of stages.
protocol TrainingCommand: AsyncParsableCommand {
  /// The recipe that `--example` prints.
  static var example: String { get }
  /// What to train, and how.
  var options: TrainingOptions { get }
}

extension TrainingCommand {
  func run() async throws {
    guard !options.example else { return try CommandOutput.write(Self.example) }
    try options.train(as: Self.configuration.commandName ?? "train")
  }
}

/// `espalier train`: a recipe becomes a trained model.
struct TrainCommand: TrainingCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model as a recipe says.",
    discussion: """
      The run's directory gets the recipe, the prepared text, a log with one line of JSON for each \
      step, checkpoints that Hugging Face transformers opens as they are, and at the end \
      report.html. Ctrl-C finishes the step and saves; --resume goes on as if nothing had happened, \
      bit for bit, also after a crash.

      A recipe may grow its model in stages; `espalier run --help` tells how. The two commands are \
      one: either trains either recipe.

      Examples:
        espalier train --example > recipe.yaml
        espalier train recipe.yaml -o runs/first
        espalier train recipe.yaml -o runs/second --set optimizer.clip=0.5
        espalier train -o runs/first --resume
        espalier train -o runs/first --resume --set "stop.after=40M tokens"
        espalier train -o runs/first --resume-from 500 --set schedule.peak=3e-4
        espalier train recipe.yaml -o runs/third --from path/to/checkpoint
        espalier train recipe.yaml -o runs/fourth --continue-from grown
        espalier train recipe.yaml -o runs/fifth --continue-from runs/first \
      --set "stop={further: 400 steps}"

      Exit codes: 0 done, 1 error, 3 the run ended before its last stage, 64 wrong usage, 130 \
      interrupted.
      """)

  static let example = Recipe.example
  @OptionGroup var options: TrainingOptions
}

/// `espalier run`: a recipe of several stages becomes a grown and trained model.
struct RunCommand: TrainingCommand {
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
      the receipt of every growth under stages/. The two commands are one: a recipe without stages \
      trains its one model.

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

  static let example = Recipe.stagedExample
  @OptionGroup var options: TrainingOptions
}
