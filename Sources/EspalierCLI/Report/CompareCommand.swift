// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier compare`: what staged runs saved.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Measure what staged runs saved against runs from scratch.",
    discussion: """
      Tells the share of FLOPs and of wall time saved at equal validation loss, and the difference of \
      the losses at equal compute, with the mean, the interval and the extremes over seeds. Costs are \
      totals over all stages; a staged run counts from its last growth on, when its model is the target.

      Runs with a constant learning rate are compared along their curves, at the lowest loss that all \
      of them reached, or at --loss. A learning rate that falls makes a run's end better than its \
      middle: where the runs from scratch have several lengths, each fully decayed, only ends count, and \
      the baseline is the frontier through them. --basis overrides that.

      Runs that differ in data, tokenizer, final model or decay are refused; --force compares them all \
      the same and marks the result. Runs from texts with a share of them held out hold out other \
      documents for each seed: prepare the text once (espalier prepare) for runs of several seeds.

      Examples:
        espalier compare runs/staged --against runs/scratch
        espalier compare runs/staged-? --against runs/scratch-? --json
        espalier compare runs/staged --against runs/scratch-10M runs/scratch-20M runs/scratch-40M
        espalier compare runs/staged --against runs/scratch --loss 3.5

      Exit codes: 0 done, 1 error or incomparable, 64 wrong usage.
      """)

  @Argument(help: "The staged runs' directories.", completion: .directory)
  var staged: [String]

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("The runs from scratch: seeds, or lengths.", valueName: "run"),
    completion: .directory)
  var against: [String]

  @Option(
    parsing: .unconditional,
    help: "The validation loss to compare costs at; default the lowest that all reached.")
  var loss: Double?

  @Option(
    help: "What counts: the curves or only the ends of runs; default what fits the schedules.")
  var basis: RunComparison.Basis?

  @Option(parsing: .unconditional, help: "The confidence of intervals.")
  var confidence = RunComparison.Configuration().confidence

  @Flag(help: "Compare runs of different data, tokenizer, model or decay, and mark it.")
  var force = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard !against.isEmpty else {
      throw ValidationError("Name the runs from scratch with --against.")
    }
    if let loss, !(loss > 0 && loss.isFinite) {
      throw ValidationError("--loss is \(loss); expected a number of nats above 0.")
    }
    guard confidence > 0, confidence < 1 else {
      throw ValidationError("--confidence is \(confidence); expected a share between 0 and 1.")
    }
  }

  func run() throws {
    let all = try ReportedRun.read((staged + against).map { URL(filePath: $0) })
    let comparison: RunComparison
    do {
      comparison = try RunComparison(
        staged: Array(all.prefix(staged.count)), scratch: Array(all.suffix(against.count)),
        configuration: .init(
          loss: loss, basis: basis, confidence: confidence,
          differences: force ? .mark : .refuse))
    } catch var error as ReportingError where error.code == .incomparable {
      error.remedy = "--force compares them all the same"
      throw error
    }
    if json { return try CommandOutput.print(json: comparison) }
    try CommandOutput.print(ComparisonText.lines(comparison))
  }
}

extension RunComparison.Basis: ExpressibleByArgument {}

/// Comparisons as people read them.
enum ComparisonText {
  static func lines(_ comparison: RunComparison) -> [String] {
    comparison.differences.map { "NOT COMPARABLE: \($0.message)" }
      + [place(comparison)]
      + [
        row("FLOPs saved", comparison.computeSaving), row("time saved", comparison.secondsSaving),
        row("loss", comparison.lossExcess, isSigned: true, suffix: " at equal compute"),
        "",
      ]
      + members("staged", comparison.staged) + members("from scratch", comparison.scratch)
      + [""] + comparison.notes.map { "Note: \($0)" }
  }

  private static func place(_ comparison: RunComparison) -> String {
    guard let loss = comparison.loss else {
      return "Each staged run's end against the frontier of the runs from scratch"
    }
    return "At a validation loss of \(Readable.loss(loss)), along the curves"
  }

  private static func row(
    _ label: String, _ contrast: Contrast?, isSigned: Bool = false, suffix: String = ""
  ) -> String {
    guard let contrast else { return "  \(pad(label, 13))not known" }
    guard contrast.isTelling else {
      return "  \(pad(label, 13))not known  (\(contrast.spreadText))"
    }
    return "  \(pad(label, 13))\(pad(contrast.text(isSigned: isSigned) + suffix, 9))  "
      + "(\(contrast.spreadText))"
  }

  private static func members(_ kind: String, _ members: [RunComparison.Member]) -> [String] {
    members.map { run in
      let slope = run.slopeAtEnd.map { String(format: ", slope at the end %.3f", $0) } ?? ""
      return "  \(pad(kind, 13))\(run.name): loss \(Readable.loss(run.loss)) after "
        + "\(Readable.scaled(run.flops))FLOPs, \(Readable.count(run.tokens)) tokens, "
        + "\(Readable.time(run.seconds)); learning rate \(run.decay)\(slope)"
    }
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
