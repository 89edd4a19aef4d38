// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation
import Wording

/// What `espalier train` and `espalier run` train with, and how.
struct TrainingOptions: ParsableArguments {
  @Argument(help: "The recipe, in YAML; may be left out with --resume.", completion: .file())
  var recipe: String?

  @Option(
    name: [.short, .customLong("output")],
    help: "The run's directory, which must be new unless --resume is given.",
    completion: .directory)
  var output: String?

  @Option(
    name: .customLong("set"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Sets one value over the recipe's; may be repeated.", valueName: "key.path=value"))
  var settings: [String] = []

  @Flag(help: "Go on from the run's newest whole checkpoint.")
  var resume = false

  @Flag(
    help: ArgumentHelp(
      "With --resume: begin the run anew; what it has trained is moved aside, into its folder old-1."
    ))
  var fromBeginning = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Go on from the checkpoint of this step; what came after it is kept under abandoned/.",
      valueName: "step"))
  var resumeFrom: Int?

  /// Whether a run that has begun goes on.
  var resumes: Bool { resume || resumeFrom != nil }

  @Option(
    help: ArgumentHelp(
      "Begin with the weights of this checkpoint, Hugging Face directory or run.",
      valueName: "checkpoint"),
    completion: .directory)
  var from: String?

  @Option(
    help: ArgumentHelp(
      "Go on with the whole training state of this checkpoint, for instance a grown one: moments, "
        + "steps, schedule, data. The recipe's schedule and stop.after count from the first step of "
        + "all, stop.further from here. Of a run, the newest whole checkpoint.",
      valueName: "checkpoint"),
    completion: .directory)
  var continueFrom: String?

  @Option(
    help: ArgumentHelp(
      "Follow the stages of this plan, instead of the recipe's.", valueName: "plan.json"),
    completion: .file(extensions: ["json"]))
  var plan: String?

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var engineOptions: EngineOptions

  @Option(help: "The number format of the products, instead of the recipe's.")
  var precision: Precision?

  @Flag(name: .customLong("no-report"), help: "Write no report.html at the end.")
  var noReport = false

  @Flag(
    help: ArgumentHelp(
      "Measure where the time goes: a table of phases and operations at the end, and the trace "
        + "profile.json in the run, which ui.perfetto.dev shows."))
  var profile = false

  @Flag(help: "Print nothing on the way but warnings.")
  var quiet = false

  @Flag(help: "Print the result as JSON on standard output, and progress on standard error.")
  var json = false

  @Flag(help: "Print a commented recipe and do nothing else.")
  var example = false

  func validate() throws {
    if example {
      guard recipe == nil, output == nil else {
        throw ValidationError(
          "--example prints a recipe and does nothing else; leave out the recipe and -o.")
      }
      return
    }
    guard output != nil else {
      throw ValidationError("Name the run's directory with -o.")
    }
    guard resumes || recipe != nil else {
      throw ValidationError(
        "Name a recipe, or continue a run with --resume. `espalier train --example` prints one.")
    }
    guard modelOptions.ignoredTensors.isEmpty || from != nil || continueFrom != nil else {
      throw ValidationError(
        "--ignore-tensors is for the files of --from or --continue-from; give one of them.")
    }
    guard resumes || !fromBeginning else {
      throw ValidationError("--from-beginning goes with --resume; a new run begins there anyway.")
    }
    guard resumeFrom == nil || !fromBeginning else {
      throw ValidationError(
        "--resume-from keeps what was trained up to a step, --from-beginning nothing; give one of them."
      )
    }
    guard !(resumes && from != nil) else {
      throw ValidationError("--from begins a new run; it does not go with --resume.")
    }
    guard continueFrom == nil || !resumes && from == nil else {
      throw ValidationError(
        "--continue-from begins a new run; it goes neither with --resume nor with --from.")
    }
    guard plan == nil || !resumes else {
      throw ValidationError("The run keeps its plan; --plan does not go with --resume.")
    }
  }

  /// Trains to the end of the run, or until the user interrupts.
  ///
  /// - Parameter command: the one that goes on with the run.
  func train(as command: String) throws {
    let directory = URL(filePath: output ?? "")
    let terminal = Terminal(json ? .standardError : .standardOutput)
    let printer = TrainingProgressPrinter(terminal: terminal, isQuiet: quiet)
    let interruption = Interruption(
      first: {
        terminal.print("Stopping after this batch, then saving. Ctrl-C again quits at once.")
      },
      last: terminal.leave)
    // Before there is a run, so that an engine that is not there leaves none behind.
    let known = try resumes ? nil : engineOptions.chooseEngine()
    var run = try makeRun(directory, engine: known?.word)
    if !resumes, !quiet, let plan = run.plan?.plan {
      PlanText.summary(plan).forEach(terminal.print)
    }
    let (engine, word) =
      try known ?? engineOptions.chooseEngine(threads: run.threads, engine: run.engine)
    run.remember(engine: word)
    var summary: TrainingRunSummary
    let profiler = profile ? Profiler() : nil
    do {
      summary = try run.train(
        engine: engine, observer: printer.handle, profiler: profiler,
        isInterrupted: { interruption.isRequested })
    } catch {
      printer.finish()
      tellOfBeginning(run)
      throw error
    }
    printer.finish()
    if !noReport, summary.outcome != .interrupted {
      summary.report = Self.writeReport(of: run, warn: terminal)
    }
    let profile = profiler?.profile()
    summary.profile = profile.flatMap { Self.write($0, to: run.directory.profile, terminal) }
    try report(summary, profile, of: command, on: terminal)
    switch summary.outcome {
    case .finished, .reachedLoss: break
    case .interrupted: throw ExitCode(Interruption.exitCode)
    case .endedSmall: throw ExitCode(Self.endedSmallExitCode)
    }
  }

  /// Says what becomes of a run that could not begin.
  private func tellOfBeginning(_ run: TrainingRun) {
    guard !run.directory.hasBegun else { return }
    Terminal(.standardError).print(
      "Nothing was trained. Once what the error says is mended, the same command begins the run in "
        + "\(output ?? "")\(resumes ? "; without --resume" : ""), also with another recipe.")
  }

  /// The exit code of a run of stages that ended before its last one.
  static let endedSmallExitCode: Int32 = 3

  private func makeRun(_ directory: URL, engine: String?) throws -> TrainingRun {
    var overrides = plan.map { [RecipeOverride(followingPlan: URL(filePath: $0))] } ?? []
    overrides += try settings.map(RecipeOverride.init(parsing:))
    if let precision {
      overrides.append(RecipeOverride(keyPath: ["precision"], value: precision.rawValue))
    }
    let given = try recipe.map {
      try RecipeFile(contentsOf: URL(filePath: $0), overrides: overrides)
    }
    if resumes {
      return try TrainingRun.resume(
        directory, recipe: given, overrides: overrides, threads: engineOptions.threads,
        fromStep: resumeFrom, fromBeginning: fromBeginning)
    }
    guard let given else { throw ValidationError("Name a recipe.") }
    return try TrainingRun.create(
      directory, recipe: given, startingFrom: (continueFrom ?? from).map { URL(filePath: $0) },
      with: continueFrom == nil ? .weights : .wholeState,
      ignoring: modelOptions.ignoredTensors, threads: engineOptions.threads, engine: engine)
  }

  /// Draws the run; one that is finished is not lost because its page cannot be written.
  private static func writeReport(of run: TrainingRun, warn terminal: Terminal) -> String? {
    do {
      let page = try run.writeReport()
      if page != run.directory.report {
        terminal.print(
          "\(run.directory.report.lastPathComponent) in the run is no page that espalier made, and "
            + "stays; the report is beside it")
      }
      return page.path(percentEncoded: false)
    } catch {
      terminal.print(
        "The run is whole, but its report could not be written: \(reason(of: error)). Try again with "
          + "`espalier report \(ShellWord.quoted(run.directory.url.relativePath))`")
      return nil
    }
  }

  /// Keeps a profile; a run is not lost because it cannot be written.
  private static func write(
    _ profile: TrainingProfile, to file: URL, _ terminal: Terminal
  ) -> String? {
    do {
      try OutputFile.replace(file, with: profile.encoded())
      return file.path(percentEncoded: false)
    } catch {
      terminal.print(
        "The run is whole, but \(file.lastPathComponent) could not be written: \(reason(of: error))"
      )
      return nil
    }
  }

  private func report(
    _ summary: TrainingRunSummary, _ profile: TrainingProfile?, of command: String,
    on terminal: Terminal
  ) throws {
    var lines = Self.lines(summary, of: command, output: output ?? "")
    if let profile { lines += [""] + ProfileText.lines(profile, file: summary.profile) }
    let isInterrupted = summary.outcome == .interrupted
    do {
      try CommandOutput.afterWork("the run is saved, in \(output ?? "")") {
        if json { try CommandOutput.print(json: summary) }
        if json, isInterrupted { lines.forEach(terminal.print) }
        if !json, isInterrupted || !quiet { try CommandOutput.print(lines) }
      }
    } catch  where isInterrupted {
      // Nobody is there to read how to go on, as where the terminal is gone.
      throw ExitCode(Interruption.exitCode)
    }
  }

  private static func lines(
    _ summary: TrainingRunSummary, of command: String, output: String
  ) -> [String] {
    let outcome =
      switch summary.outcome {
      case .finished: "Finished"
      case .reachedLoss: "Reached the loss to stop at"
      case .interrupted: "Interrupted"
      case .endedSmall:
        "Ended small, in stage \(summary.stage ?? 1) of \(summary.stageCount ?? 1),"
      }
    var line =
      "\(outcome) after \(Readable.exact(summary.steps, of: "step")), \(Readable.count(summary.tokens)) tokens, "
      + "\(Readable.time(summary.seconds))"
    if let loss = summary.loss { line += "; loss \(Readable.loss(loss))" }
    if let loss = summary.validationLoss { line += ", validation \(Readable.loss(loss))" }
    var lines = [line]
    if let cost = summary.evaluation {
      lines.append(
        "\(Readable.scaled(summary.flops))FLOPs of training; validations took "
          + "\(Readable.scaled(cost.floatingPointOperations))FLOPs more, and "
          + "\(Readable.time(cost.seconds)) of the time")
    }
    let troubles = [
      summary.skippedBatches.map {
        "\($0 == 1 ? "1 batch" : "\(Readable.exact($0)) batches") left out"
      },
      summary.rollbacks.map { "\(Readable.exact($0, of: "time")) back to a good checkpoint" },
    ].compactMap { $0 }
    if !troubles.isEmpty { lines.append(troubles.joined(separator: ", ")) }
    if let checkpoint = summary.checkpoint { lines.append("Saved \(checkpoint)") }
    if let page = summary.report { lines.append("Report \(page)") }
    if summary.outcome == .interrupted {
      lines.append("Go on with: espalier \(command) -o \(ShellWord.quoted(output)) --resume")
    }
    return lines
  }
}
