// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier plan pilot`: the few short runs that a fit needs.
struct PlanPilotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pilot",
    abstract: "Train the few small, short runs that a fit of the law needs.",
    discussion: """
      The runs have the recipe's data, batch and optimizer, models of 1/3, 1/9 and 1/27 of its size \
      that can be grown into it, and a constant learning rate after the warm-up, so that every point \
      of their curves counts. What they cost is said before; --dry-run trains nothing.

      A pilot that is there already is kept, or continued where it was interrupted.

      Examples:
        espalier plan pilot --target recipe.yaml -o pilots --dry-run
        espalier plan pilot --target recipe.yaml -o pilots --steps 2000
        espalier plan --target recipe.yaml --fit pilots/*

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @OptionGroup var targetOptions: PlanTargetOptions

  @Option(
    name: [.short, .customLong("output")], help: "The directory for the runs.",
    completion: .directory)
  var output: String

  @Option(parsing: .unconditional, help: "Steps of each run.")
  var steps = 1000

  @Option(parsing: .unconditional, help: "How many model sizes, 2 to 8.")
  var sizes = 3

  @Option(parsing: .unconditional, help: "How much smaller each is than the next.")
  var ratio = 3.0

  @OptionGroup var engineOptions: EngineOptions

  @Flag(help: "Say what would be trained and what it would cost, and train nothing.")
  var dryRun = false

  @Flag(help: "Print nothing on the way but warnings.")
  var quiet = false

  func validate() throws {
    guard steps >= 20 else {
      throw ValidationError("--steps is \(steps); a curve needs at least 20.")
    }
    guard (2...8).contains(sizes) else {
      throw ValidationError("--sizes is \(sizes); expected 2 to 8.")
    }
    guard ratio > 1, ratio.isFinite else {
      throw ValidationError("--ratio is \(ratio); expected a number above 1.")
    }
  }

  func run() async throws {
    let recipe = try targetOptions.recipe()
    let target = try targetOptions.model(recipe)
    let models = try PilotModels.choose(for: target, count: sizes, ratio: ratio)
    let tokens = RunLength(recipe.training, contextLength: target.contextLength).tokensPerStep
    let costs = try models.map { try ModelCost($0, tokensPerStep: tokens) }
    let terminal = Terminal(.standardOutput)
    let total = costs.reduce(0) { $0 + $1.exactFLOPsPerStep } * Double(steps)
    let lines =
      costs.map(line)
      + ["together \(Readable.scaled(total))FLOPs, as their programs execute them"]
    guard !dryRun else { return try CommandOutput.print(lines) }
    lines.forEach(terminal.print)
    try train(models, recipe, on: terminal)
    let folders = models.map { ShellWord.quoted("\(output)/\(Self.name($0))") }
    try CommandOutput.afterWork("the pilots are whole, in \(output)") {
      try CommandOutput.print([
        "Now: espalier plan --target \(ShellWord.quoted(targetOptions.target)) --fit "
          + folders.joined(separator: " ") + " --first-step \(max(1, steps / 10))"
      ])
    }
  }

  private func line(_ cost: ModelCost) -> String {
    "\(Self.name(cost.configuration)): N = \(Readable.count(cost.parameterCount)), "
      + "\(Readable.exact(steps, of: "step")), "
      + "\(Readable.scaled(cost.exactFLOPsPerStep * Double(steps)))FLOPs"
  }

  private func train(_ models: [ModelConfiguration], _ recipe: Recipe, on terminal: Terminal) throws
  {
    let interruption = Interruption(
      first: {
        terminal.print("Stopping after this batch, then saving. Ctrl-C again quits at once.")
      },
      last: terminal.leave)
    let printer = TrainingProgressPrinter(terminal: terminal, isQuiet: quiet)
    defer { printer.finish() }
    for model in models {
      let url = URL(filePath: output).appending(path: Self.name(model))
      var run =
        RunDirectory(url).holdsRun
        ? try TrainingRun.resume(url)
        : try TrainingRun.create(url, recipe: pilot(model, of: recipe))
      let (engine, word) = try engineOptions.chooseEngine(threads: run.threads, engine: run.engine)
      run.remember(engine: word)
      let summary = try run.train(
        engine: engine,
        observer: printer.handle, isInterrupted: { interruption.isRequested })
      guard summary.outcome == .interrupted else { continue }
      printer.finish()
      terminal.print("Interrupted and saved; the same command goes on where this one stopped.")
      throw ExitCode(Interruption.exitCode)
    }
  }

  /// The target's recipe with a smaller model, a constant rate, and validations along the way.
  private func pilot(_ model: ModelConfiguration, of target: Recipe) -> Recipe {
    var recipe = target
    recipe.model?.layerCount = model.layerCount
    recipe.model?.hiddenSize = model.hiddenSize
    recipe.model?.headCount = model.headCount
    recipe.model?.intermediateSize = model.intermediateSize
    if model.family == .llama { recipe.model?.keyValueHeadCount = model.keyValueHeadCount }
    recipe.training.schedule = LearningRateSchedule(
      kind: .constant, peak: target.training.schedule.peak, warmup: .steps(max(1, steps / 20)),
      total: nil)
    recipe.training.evaluation = EvaluationConfiguration(
      every: .steps(max(1, steps / 50)),
      amount: (target.training.evaluation ?? EvaluationConfiguration()).amount)
    recipe.training.stop = StopConditions(after: .steps(steps))
    (recipe.stages, recipe.planning) = ([], nil)
    return recipe
  }

  /// A run's name: `layers-4-hidden-128`.
  private static func name(_ model: ModelConfiguration) -> String {
    "layers-\(model.layerCount)-hidden-\(model.hiddenSize)"
  }
}
