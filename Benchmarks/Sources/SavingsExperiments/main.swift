// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation
import Savings

/// Measures what staged training saves: see `Benchmarks/savings/run`.
struct SavingsExperiments: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "savings",
    abstract: "Measure what staged training saves against tuned, decayed training from scratch.",
    subcommands: [Status.self, Train.self, Time.self, Write.self])
}

/// The bed that a subcommand is about.
struct BedOptions: ParsableArguments {
  @Argument(help: "The bed's folder.")
  var bed: String

  func open() throws -> Bed { try Bed(URL(filePath: bed)) }
}

extension SavingsExperiments {
  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the text that the bed needs and the runs that are still to be made.")
    @OptionGroup var options: BedOptions

    func run() throws {
      let bed = try options.open()
      let summary = Summary(bed, try ResultTable(bed), times: nil)
      print("text: \(bed.text)")
      summary.missing.forEach { print("missing: \($0.name)") }
    }
  }

  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the runs that are missing, one after the other, and keep their results.",
      discussion: "Ctrl-C saves the run at hand; the next call goes on with it.")
    @OptionGroup var options: BedOptions
    @Option(help: "Where the text's tokens and the runs are.")
    var folder: String
    @Option(help: "Only arms whose name begins so; may be repeated.")
    var arm: [String] = []
    @Option(help: "Threads of each run. Results of other counts differ by rounding.")
    var threads = 1

    func run() throws {
      let bed = try options.open()
      let execution = try Execution(bed, in: URL(filePath: folder)) { [threads] in
        CPUTrainingEngine(threads: threads)
      }
      let stop = Interrupt()
      while let next = try nextRun(bed) {
        print("\(Date.now.formatted(.iso8601)) \(next.name)")
        guard let result = try execution.result(of: next, isInterrupted: { stop.isRequested })
        else {
          throw ExitCode(130)
        }
        var table = try ResultTable(bed)
        try table.add(result)
        print("  loss \(result.loss.map { String(format: "%.4f", $0) } ?? "broke down")")
      }
    }

    private func nextRun(_ bed: Bed) throws -> PlannedRun? {
      try Summary(bed, ResultTable(bed), times: nil).missing.first { run in
        arm.isEmpty || arm.contains { run.arm.name.hasPrefix($0) }
      }
    }
  }

  struct Time: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Measure a step of each model alone; the machine must be idle.")
    @OptionGroup var options: BedOptions
    @Option(help: "Where the text's tokens are.")
    var folder: String
    @Option(help: "Threads.")
    var threads = 1

    func run() throws {
      let threads = threads
      _ = try StepTimes.measure(
        options.open(), in: URL(filePath: folder),
        engine: { CPUTrainingEngine(threads: threads) }, tell: { print($0) })
    }
  }

  struct Write: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "report",
      abstract: "Print the tables of beds in Markdown, and write their pictures.")
    @Argument(help: "The beds' folders.")
    var beds: [String]
    @Option(name: .shortAndLong, help: "The folder for the pictures; none are drawn without it.")
    var output: String?

    func run() throws {
      for path in beds {
        let bed = try Bed(URL(filePath: path))
        let report = SavingsReport(
          Summary(bed, try ResultTable(bed), times: StepTimes(bed)))
        print(report.markdown)
        guard let output else { continue }
        let file = URL(filePath: output).appending(path: "savings-\(bed.name).svg")
        try Data(SVGChart(report.chart).file.utf8).write(to: file)
      }
    }
  }
}

/// Notices Ctrl-C and a polite kill.
final class Interrupt: @unchecked Sendable {
  private let sources: [DispatchSourceSignal]
  private let lock = NSLock()
  private var isSet = false

  init() {
    sources = [SIGINT, SIGTERM].map {
      signal($0, SIG_IGN)
      return DispatchSource.makeSignalSource(signal: $0, queue: .global())
    }
    for source in sources {
      source.setEventHandler { [weak self] in self?.request() }
      source.activate()
    }
  }

  var isRequested: Bool { lock.withLock { isSet } }
  private func request() { lock.withLock { isSet = true } }
}

SavingsExperiments.main()
