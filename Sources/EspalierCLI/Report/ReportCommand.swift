// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier report`: runs as a page of charts and tables.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Draw runs: loss, slope, learning rate, speed, lineage, on one page.",
    discussion: """
      The page is one file of HTML that loads nothing from anywhere: loss against compute, tokens, \
      steps and time with the moments of growth, the slope of the loss with the thresholds for growing \
      and stopping, learning rate, gradient norm, throughput, lineage, verification and recipes. A run \
      that is still training may be drawn.

      With --against, or where some of the runs were grown and some not, the page begins with what was \
      saved; `espalier compare --help` says how that is measured.

      --terminal draws one chart in characters instead, --charts writes every chart as an SVG of its \
      own.

      Examples:
        espalier report runs/first
        espalier report runs/staged-1 runs/staged-2 --against runs/scratch-1 runs/scratch-2 -o savings.html
        espalier report runs/first --terminal
        espalier report runs/first --terminal --over steps
        espalier report runs/first --charts figures/

      Exit codes: 0 done, 1 error, 64 wrong usage.
      """)

  @Argument(help: "The runs' directories.", completion: .directory)
  var runs: [String]

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Runs from scratch of the same target, to compare with.", valueName: "run"),
    completion: .directory)
  var against: [String] = []

  @Option(
    name: [.short, .customLong("output")],
    help: ArgumentHelp(
      "The page; default report.html in the run's directory, where there is only one run.",
      valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Also write every chart as an SVG into this directory.", valueName: "directory"),
    completion: .directory)
  var charts: String?

  @Flag(help: "Draw the loss in characters on standard output, and write no page.")
  var terminal = false

  @Option(help: "What the loss is drawn against with --terminal: \(RunCourse.Measure.choices).")
  var over = RunCourse.Measure.compute

  @Flag(help: "Compare runs of different data, tokenizer, model or decay, and mark it.")
  var force = false

  func validate() throws {
    guard output != nil || charts != nil || terminal || runs.count + against.count < 2 else {
      throw ValidationError("Name the page of several runs with -o.")
    }
    guard !terminal || (output == nil && charts == nil) else {
      throw ValidationError("--terminal writes no files; leave out -o and --charts.")
    }
  }

  func run() throws {
    let all = try ReportedRun.read((runs + against).map { URL(filePath: $0) })
    for run in all where !run.logProblems.isEmpty {
      Terminal(.standardError).print(
        "warning: the log of \(run.name) cannot be believed: "
          + run.logProblems.prefix(5).joined(separator: "; "))
    }
    let page = ReportPage(runs: all, comparison: terminal ? nil : try comparison(of: all))
    guard !terminal else {
      return try PlotOutput.print(RunCharts(all).loss(over: over), width: 120)
    }
    var written = try charts.map { try write(page.charts, to: $0) } ?? []
    if let file = output ?? (charts == nil ? ownPage : nil) {
      try NamedFile.write(Data(page.html.utf8), to: file, as: .page)
      written.append(file)
    }
    try CommandOutput.afterWork("the files are written") {
      try CommandOutput.print(written.map { "Wrote \($0)" })
    }
  }

  /// The page in the run's directory, where there is only one run.
  private var ownPage: String? {
    guard runs.count == 1, against.isEmpty, let run = runs.first else { return nil }
    return URL(filePath: run).appending(path: "report.html").relativePath
  }

  /// What was saved: with the runs named for it, else with those that were never grown.
  private func comparison(of all: [ReportedRun]) throws -> RunComparison? {
    let configuration = RunComparison.Configuration(differences: force ? .mark : .refuse)
    guard against.isEmpty else {
      return try RunComparison(
        staged: Array(all.prefix(runs.count)), scratch: Array(all.suffix(against.count)),
        configuration: configuration)
    }
    let (staged, scratch) = (all.filter(\.isStaged), all.filter { !$0.isStaged })
    guard !staged.isEmpty, !scratch.isEmpty else { return nil }
    do {
      return try RunComparison(staged: staged, scratch: scratch, configuration: configuration)
    } catch let error as ReportingError {
      // Nobody asked for it: the page is as good without.
      Terminal(.standardError).print("No comparison: \(error)")
      return nil
    }
  }

  /// Writes the charts that show anything; the files' paths.
  private func write(_ charts: [(name: String, chart: Chart)], to folder: String) throws -> [String]
  {
    try NamedFile.makeFolder(folder)
    return try charts.filter { !$0.chart.isEmpty }.map { name, chart in
      let file = URL(filePath: folder, directoryHint: .isDirectory).appending(path: "\(name).svg")
      try NamedFile.write(Data(SVGChart(chart).file.utf8), to: file.relativePath, as: .chart)
      return file.relativePath
    }
  }
}

extension RunCourse.Measure: ExpressibleByArgument {
  /// The names, for help texts.
  static var choices: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
