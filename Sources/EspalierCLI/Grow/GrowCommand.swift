// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier grow`: a checkpoint becomes a larger one.
struct GrowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grow",
    abstract: "Grow a checkpoint into a larger model.",
    discussion: """
      A training checkpoint grows with its whole state: weights, moments, step counts, schedule, \
      place in the data. Of any other Hugging Face directory the weights grow. Growths are done in \
      this order: width, hidden, heads, head size, feed-forward, experts, depth, vocabulary, \
      context. The plan says what they keep of what the model computes; growth.json in the new \
      directory says where each number came from.

      Examples:
        espalier grow runs/first -o larger --width 2 --depth 2
        espalier grow gpt2 -o gpt2-deep --layers 18 --placement appended
        espalier grow llama -o solar --layers 0-23,8-31 --block copy
        espalier grow llama -o pro --recipe llama-pro.yml
        espalier grow llama -o mixture --experts 8:2
        espalier grow small -o wide --ffn 3072 --heads 16:4 --vocabulary 50304
        espalier grow small -o large --to large/config.json --dry-run
        espalier grow runs/first -o larger --width 2 --schedule 1.776 --rewarmup "200 steps"
        espalier grow llama -o wide --width 2 --shard-size 5GB --dtype bfloat16
        espalier grow llama -o wide --width 2 --shard-size 5GB --dtype bfloat16 --resume

      Models may be larger than memory. The directory appears under its name when it is whole; \
      until then it is called .partial-NAME.

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @Argument(
    help: "A checkpoint, a Hugging Face model directory, or a run (its newest whole checkpoint).",
    completion: .directory)
  var checkpoint: String

  @Option(
    name: [.short, .customLong("output")], help: "The directory to write; must be new.",
    completion: .directory)
  var output: String?

  @OptionGroup(title: "What grows") var sizes: GrowthSizeOptions
  @OptionGroup(title: "How it grows") var manner: GrowthMannerOptions
  @OptionGroup(title: "Recipes and families") var recipes: GrowthRecipeOptions
  @OptionGroup(title: "The training after it") var training: GrowthTrainingOptions
  @OptionGroup(title: "How it is written") var writing: GrowthOutputOptions
  @OptionGroup var modelOptions: ModelOptions

  @Option(parsing: .unconditional, help: "Fixes noise and new values.")
  var seed: UInt64 = 0

  @Flag(help: "Grow the weights of a training checkpoint and leave its training behind.")
  var weightsOnly = false

  @Flag(help: "Print the plan with its sizes, memory and time, and do nothing else.")
  var dryRun = false

  @Flag(help: "Print for each tensor where it comes from and what is done to it.")
  var tensors = false

  @Flag(help: "Print nothing but warnings.")
  var quiet = false

  @Flag(help: "Print the result as JSON on standard output, and progress on standard error.")
  var json = false

  func validate() throws {
    guard output != nil || dryRun else {
      throw ValidationError(
        "Name the directory to write with -o, or look at the plan with --dry-run.")
    }
    _ = try GrowthRequest(
      sizes: sizes, manner: manner, training: training, recipes: recipes)
  }

  func run() throws {
    let terminal = Terminal(json ? .standardError : .standardOutput)
    try writingModel(on: terminal).interruptible { try grow(on: terminal, until: $0) }
  }

  /// How the command writes.
  private func writingModel(on terminal: Terminal) -> ModelWriting {
    ModelWriting(
      target: output.map { URL(filePath: $0) }, terminal: terminal, isQuiet: quiet)
  }

  private func grow(on terminal: Terminal, until interruption: Interruption) throws {
    // Checksums of a model that is named itself are compared while it grows.
    let source = try GrowthSource(
      reading: URL(filePath: checkpoint), weightsOnly: weightsOnly, verifying: .sizes,
      families: recipes.families.given(), ignoring: modelOptions.ignoredTensors)
    PassedOverWarning.print(source.passedOver, using: source.url)
    ModelOptions.tell(source.directory)
    let request = try GrowthRequest(
      sizes: sizes, manner: manner, training: training, recipes: recipes)
    let growth = try request.growth(of: source, seed: seed)
    var settings = writing.settings
    settings.type = try recipes.weightType(writing.dtype, of: source)
    let target = output.map { URL(filePath: $0) }
    if let target { try growth.check(settings, target: target) }
    var report = try GrowthReport(growth, settings, withTensors: tensors)
    report.passedOver = source.passedOver.orNil
    if dryRun { report.estimatedSeconds = try growth.estimatedSeconds(settings) }
    try interruption.check()
    if quiet {
      Note.print(GrowthText.notes(report) + (try recipes.notes(checkpoint)))
    } else {
      try show(report, growth, terminal)
    }
    if let target, !dryRun {
      let seconds = try writingModel(on: terminal).write("Growing", until: interruption) {
        try growth.write(to: target, settings, observe: $0)
        report.sourceHash = try growth.source.hash
      }
      report.output = try GrowthReport.Output(target, seconds: seconds)
    }
    try tell(report, terminal)
  }

  /// Prints the plan, which is the result of a dry run.
  private func show(_ report: GrowthReport, _ growth: ModelGrowth, _ terminal: Terminal) throws {
    let lines = GrowthText.plan(report, of: growth) + (try recipes.notes(checkpoint))
    if dryRun, !json { try CommandOutput.print(lines) } else { lines.forEach(terminal.print) }
  }

  /// Prints what was done; the grown model is kept where that fails.
  private func tell(_ report: GrowthReport, _ terminal: Terminal) throws {
    let lines = GrowthText.result(report, source: checkpoint, output: output)
    let done = report.output.map { "the grown model is whole, in \($0.path)" }
    try CommandOutput.afterWork(done ?? "nothing else was to be done") {
      if json { try CommandOutput.print(json: report) }
      guard !quiet else { return }
      if json { lines.forEach(terminal.print) } else { try CommandOutput.print(lines) }
    }
  }
}
