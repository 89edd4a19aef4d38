// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier import`: a training of PyTorch's becomes a checkpoint.
struct ImportCommand: ParsableCommand {
  /// Where the schedule goes on.
  enum Schedule: String, ExpressibleByArgument, CaseIterable {
    case keep, restart
  }

  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a training checkpoint of a Hugging Face model and its PyTorch optimizer.",
    discussion: """
      Takes the weights of a directory that save_pretrained wrote, and the state of their \
      torch.optim.AdamW as safetensors: the article "Optimizer state to and from PyTorch" has the \
      script that saves it. The checkpoint grows with its moments (`espalier grow`), and training goes on \
      with it (`espalier train --continue-from`); `espalier export --optimizer torch` leads back.

      Settings of groups become multipliers of the parameters in them. What this library's AdamW does \
      not have is refused: amsgrad, maximize, several betas or decays. The recipe that training goes on \
      with counts in place of the file's settings; differences are told.

      Examples:
        espalier import model --optimizer model/optimizer_torch.safetensors -o checkpoint
        espalier import model --optimizer adamw.safetensors -o checkpoint --recipe recipe.yaml
        espalier import model --optimizer adamw.safetensors -o checkpoint --step 5000 --tokens 20M
        espalier grow checkpoint -o larger --width 2 --depth 2
        espalier train recipe.yaml -o run --continue-from larger

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @Argument(help: "A Hugging Face model directory with the weights.", completion: .directory)
  var model: String

  @Option(
    help: ArgumentHelp("The optimizer's state.", valueName: "file.safetensors"),
    completion: .file(extensions: ["safetensors"]))
  var optimizer: String

  @Option(
    help: ArgumentHelp(
      "The recipe that training goes on with; default: the file's settings at a constant rate.",
      valueName: "recipe.yaml"),
    completion: .file(extensions: ["yml", "yaml"]))
  var recipe: String?

  @Option(
    parsing: .unconditional,
    help: "Steps taken; default: as many as the parameters have that were updated most.")
  var step: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Tokens trained on: 20M, 1.5B; default: the file's, or what the recipe's batches make of the steps.",
      valueName: "count"))
  var tokens: TokenCountRequest?

  @Option(
    help:
      "Where the recipe's learning-rate schedule goes on: at the step (keep, default), or at its start."
  )
  var schedule: Schedule = .keep

  @OptionGroup var options: ExchangeOptions

  func run() throws {
    let terminal = Terminal(options.json ? .standardError : .standardOutput)
    try options.writing(on: terminal).interruptible { try write(on: terminal, until: $0) }
  }

  private func write(on terminal: Terminal, until interruption: Interruption) throws {
    let recipe = try recipe.map { try RecipeFile(contentsOf: URL(filePath: $0)).recipe() }
    let plan = try TrainingImport(
      of: URL(filePath: model), optimizer: URL(filePath: optimizer),
      TrainingImport.Options(
        training: recipe?.training, order: recipe?.data.order ?? .shuffled, step: step,
        tokens: tokens?.count, restartsSchedule: schedule == .restart),
      families: options.families.given())
    options.tellOf(plan.source)
    var report = try ExchangeReport(plan.source, options: options)
    report.optimizer = .init(plan.optimizer.adamW, file: plan.optimizer.url.lastPathComponent)
    (report.step, report.tokens) = (plan.status.progress.steps, plan.status.progress.tokens)
    report.notes = plan.notes
    if !options.quiet { terminal.print("Importing \(report.source)") }
    let seconds = try options.writing(on: terminal).write("Importing", until: interruption) {
      try plan.write(to: options.target, options.settings(), observe: $0)
    }
    try report.complete(seconds: seconds)
    try options.tell(report, lines(report, plan), on: terminal)
  }

  private func lines(_ report: ExchangeReport, _ plan: TrainingImport) -> [String] {
    var lines = [
      "  model         \(Readable.exact(report.parameterCount)) parameters",
      "  training      step \(report.step ?? 0), \(Readable.count(report.tokens ?? 0)) tokens",
    ]
    lines += report.optimizer?.lines ?? []
    lines += report.notes.map { "  note          \($0)" }
    let target = ShellWord.quoted(options.output)
    lines += [
      "Wrote \(options.output) (\(Readable.bytes(report.byteCount))) in \(Readable.time(report.seconds))",
      "Grow it:     espalier grow \(target) -o LARGER --width 2",
      "Train on it: espalier train recipe.yaml -o RUN --continue-from \(target)",
    ]
    return lines + (recipe == nil ? Self.recipeLines(plan) : [])
  }

  /// What a recipe must say to go on with the same optimizer.
  private static func recipeLines(_ plan: TrainingImport) -> [String] {
    let optimizer = plan.status.training.optimizer
    return [
      "with, in the recipe, the optimizer that made the state:",
      "  optimizer: {beta1: \(optimizer.beta1), beta2: \(optimizer.beta2), epsilon: \(optimizer.epsilon), "
        + "weightDecay: \(optimizer.weightDecay), decayRule: \(optimizer.decayRule.rawValue), "
        + "clip: \(optimizer.clip.map { "\($0)" } ?? "none")}",
      "  schedule: {kind: constant, peak: \(plan.optimizer.settings.learningRate)}",
    ]
  }
}

/// `20M`, `1.5B`, `4096`.
package struct TokenCountRequest: Hashable, ExpressibleByArgument {
  package var count: Int

  package init?(argument: String) {
    guard case .tokens(let count)? = TrainingDuration("\(argument) tokens") else { return nil }
    self.count = count
  }
}
