// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier export`: a checkpoint becomes a model for others.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a checkpoint as a complete Hugging Face model.",
    discussion: """
      Of a run the newest whole checkpoint is taken. The directory gets the weights, config.json, \
      tokenizer and generation settings, and nothing of the training. A number that the type cannot \
      hold is an error that names it, and so is one that is not finite.

      A grown model may need keys in config.json that transformers does not know, above all \
      espalier_logit_scale: transformers would compute another function of it, and so such a model is \
      refused. --own-keys writes it all the same, for programs that heed them.

      --optimizer torch adds optimizer_torch.safetensors: the state of a torch.optim.AdamW for the \
      model as transformers names its parameters. It holds no pickle; the article "Optimizer state to \
      and from PyTorch" has the script that loads it, and `espalier import` takes it back.

      Examples:
        espalier export runs/first -o published --dtype bfloat16
        espalier export runs/first/checkpoints/step-00000500 -o published --shard-size 5GB
        espalier export grown -o torch --optimizer torch
        espalier export runs/first -o published --dtype bfloat16 --resume

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @Argument(
    help: "A checkpoint, a Hugging Face model directory, or a run (its newest whole checkpoint).",
    completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "The type of the weights; default: as they are.",
      valueName: DType.weightTypes.map(\.rawValue).joined(separator: "|")))
  var dtype: DType?

  @Option(
    help: ArgumentHelp("Write the state of the optimizer, too, for PyTorch.", valueName: "torch"))
  var optimizer: ModelExport.Optimizer?

  @Flag(help: "Write a model of which transformers would compute another function.")
  var ownKeys = false

  @OptionGroup var options: ExchangeOptions

  func run() throws {
    let terminal = Terminal(options.json ? .standardError : .standardOutput)
    try options.writing(on: terminal).interruptible { try write(on: terminal, until: $0) }
  }

  private func write(on terminal: Terminal, until interruption: Interruption) throws {
    // Checksums are compared while the files are written.
    let source = try GrowthSource(
      reading: URL(filePath: checkpoint), weightsOnly: optimizer == nil, verifying: .sizes,
      families: options.families.given())
    let export = try ModelExport(
      of: source, optimizer: optimizer, foreignFunction: ownKeys ? .allow : .refuse)
    options.tellOf(source)
    if let warning = try export.functionWarning {
      Terminal(.standardError).print("warning: \(warning)")
    }
    var report = try ExchangeReport(source, options: options)
    report.weightType = try export.weightType(options.settings(dtype))
    report.optimizer = export.torchOptimizer.map {
      .init($0, file: TorchOptimizerFile.fileName)
    }
    if !options.quiet { terminal.print("Exporting \(report.source)") }
    let seconds = try options.writing(on: terminal).write("Exporting", until: interruption) {
      try export.write(to: options.target, options.settings(dtype), observe: $0)
    }
    try report.complete(seconds: seconds)
    try options.tell(report, lines(report), on: terminal)
  }

  private func lines(_ report: ExchangeReport) -> [String] {
    [
      "  model         \(Readable.exact(report.parameterCount)) parameters"
        + (report.weightType.map { ", \($0.rawValue)" } ?? "")
    ] + (report.optimizer?.lines ?? []) + [
      "Wrote \(options.output) (\(Readable.bytes(report.byteCount))) in \(Readable.time(report.seconds))"
    ]
  }
}

extension ModelExport.Optimizer: ExpressibleByArgument {}
