// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// How `export` and `import` write their directory.
struct ExchangeOptions: ParsableArguments {
  @Option(
    name: [.short, .customLong("output")], help: "The directory to write; must be new.",
    completion: .directory)
  var output: String

  @OptionGroup var shards: ShardOptions

  @OptionGroup var families: FamilyOptions

  @Flag(
    help: """
      Replace a model that is there already; files that its manifest does not name are never removed.
      """)
  var overwrite = false

  @Flag(help: "Go on where the same command was interrupted. Without it its files are removed.")
  var resume = false

  @Flag(help: "Print nothing but warnings.")
  var quiet = false

  @Flag(help: "Print the result as JSON on standard output, and progress on standard error.")
  var json = false

  /// Where everything goes.
  var target: URL { URL(filePath: output) }

  /// The library's settings.
  func settings(_ type: DType? = nil) -> ModelGrowth.Output {
    ModelGrowth.Output(
      type: type, maximumShardByteCount: shards.shardSize?.byteCount, overwrites: overwrite,
      resumes: resume)
  }

  /// Says on standard error what a user should know of the model that is read.
  func tellOf(_ source: GrowthSource) {
    PassedOverWarning.print(source.passedOver, using: source.url)
    ModelOptions.tell(source.directory)
  }

  /// How the command writes.
  func writing(on terminal: Terminal) -> ModelWriting {
    ModelWriting(target: target, terminal: terminal, isQuiet: quiet)
  }

  /// Prints what was done; what was written is kept where that fails.
  func tell(_ report: ExchangeReport, _ lines: [String], on terminal: Terminal) throws {
    try CommandOutput.afterWork("what was written is whole, in \(output)") {
      if quiet { Note.print(report.notes) }
      if json { try CommandOutput.print(json: report) }
      guard !quiet else { return }
      if json { lines.forEach(terminal.print) } else { try CommandOutput.print(lines) }
    }
  }
}

/// What an export or an import wrote, for `--json` and for people.
struct ExchangeReport: Encodable {
  /// One group of an optimizer's parameters.
  struct Group: Encodable {
    var parameters: Int
    var learningRate: Double
    var weightDecay: Double
    var epsilon: Double
  }

  /// The state of an optimizer.
  struct Optimizer: Encodable {
    var file: String
    /// Updates of the parameters that have the most.
    var step: Int
    var parametersWithFewerUpdates: Int
    var parametersWithoutState: Int
    var beta1: Double
    var beta2: Double
    var groups: [Group]

    init(_ adamW: TorchAdamW, file: String) {
      self.file = file
      step = adamW.step
      parametersWithFewerUpdates = adamW.steps.count
      parametersWithoutState = adamW.parametersWithoutState.count
      beta1 = adamW.groups.first?.beta1 ?? 0
      beta2 = adamW.groups.first?.beta2 ?? 0
      groups = adamW.groups.map {
        Group(
          parameters: $0.parameters.count, learningRate: $0.learningRate,
          weightDecay: $0.weightDecay, epsilon: $0.epsilon)
      }
    }

    /// The state in some lines.
    var lines: [String] {
      let rest = [
        parametersWithFewerUpdates > 0
          ? "\(Readable.exact(parametersWithFewerUpdates, of: "parameter")) with fewer" : nil,
        parametersWithoutState > 0 ? "\(parametersWithoutState) never updated" : nil,
      ].compactMap { $0 }
      let steps = (["step \(step)"] + rest).joined(separator: ", ")
      return ["  optimizer     AdamW, \(steps), betas \(beta1), \(beta2)"]
        + groups.map {
          "  group         \(Readable.exact($0.parameters, of: "tensor")): lr \($0.learningRate), "
            + "weight_decay \($0.weightDecay), eps \($0.epsilon)"
        }
    }
  }

  var source: String
  var output: String
  var files: [String]
  var byteCount: Int
  var parameterCount: Int
  /// The weights' type as `config.json` says it.
  var weightType: DType?
  var optimizer: Optimizer?
  /// Steps and tokens of the training that was imported.
  var step: Int?
  var tokens: Int?
  /// What people should know.
  var notes: [String] = []
  /// Newer checkpoints of the source's run that are damaged; nil where there are none.
  var passedOver: [PassedOverCheckpoint]?
  var seconds = 0.0

  init(_ source: GrowthSource, options: ExchangeOptions) throws {
    self.source = source.url.path(percentEncoded: false)
    output = options.target.absoluteURL.standardizedFileURL.path(percentEncoded: false)
    parameterCount = try source.model.parameterCount().total
    passedOver = source.passedOver.orNil
    (files, byteCount) = ([], 0)
  }

  /// Reads what was written.
  mutating func complete(seconds: Double) throws {
    let url = URL(filePath: output, directoryHint: .isDirectory)
    let manifest = try Manifest(reading: url)
    files = manifest.files.keys.sorted()
    byteCount = manifest.files.values.reduce(0) { $0 + $1.byteCount }
    self.seconds = seconds
  }
}
