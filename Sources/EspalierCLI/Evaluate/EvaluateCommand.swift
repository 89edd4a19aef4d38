// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier evaluate`: how well a model predicts text.
struct EvaluateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a model's perplexity on text, or how well it guesses last words.",
    discussion: """
      The model is a checkpoint, a Hugging Face directory, or a run, whose newest whole checkpoint \
      is taken.

      --text and --data slide a window over the tokens. Each token is scored once: the first window \
      scores all its targets, every later one only those the windows before did not reach, so that \
      they have at least context − stride tokens before them. A stride of the whole context is the \
      cheapest and is what validation in training does. The very first token is not scored, unless \
      the tokenizer's files put a token before each text. Several documents are joined by the end-of-text \
      token, which is scored too. The loss of all scored tokens is divided by the tokens, by the words \
      (runs without white space), and by the UTF-8 bytes of the text.

      --lambada takes the text after the last white space of each example as the word to guess. \
      It is right where greedy decoding gives each of its tokens; the perplexity is that of whole \
      words.

      Examples:
        espalier evaluate runs/first --text held-out.txt
        espalier evaluate gpt2 --text wiki.test.txt --stride 512 --precision bf16
        espalier evaluate runs/first --data tokens --split train --json
        espalier evaluate gpt2 --lambada lambada_test.jsonl.gz

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @Argument(help: "A checkpoint, Hugging Face directory or run.", completion: .directory)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "A file or folder of text, or - for standard input; may be repeated. Lines of .jsonl are "
        + "documents; gzip is read as it is.", valueName: "path"),
    completion: .file())
  var text: [String] = []

  @Option(
    help: ArgumentHelp("A directory of tokens that `espalier prepare` wrote.", valueName: "path"),
    completion: .directory)
  var data: String?

  @Option(help: "Which tokens of --data: train or validation; default validation.")
  var split: DataSplit?

  @Option(
    help: ArgumentHelp(
      "Examples of last words: lines of JSON with a field \"text\".", valueName: "path"),
    completion: .file())
  var lambada: String?

  @Option(
    parsing: .unconditional, help: "Tokens that a prediction can see; default the model's context.")
  var context: Int?

  @Option(
    parsing: .unconditional, help: "Tokens from one window to the next; default half the context.")
  var stride: Int?

  @Option(help: "The number format of the products: \(Precision.choices).")
  var precision = Precision.fp32

  @Option(
    parsing: .unconditional,
    help: "Windows or examples computed together; default about 4096 tokens.")
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a directory with one, instead of the model's.", valueName: "path"),
    completion: .file())
  var tokenizer: String?

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var engineOptions: EngineOptions

  @Flag(help: "Print no progress.")
  var quiet = false

  @Flag(help: "Print the result as JSON on standard output, and progress on standard error.")
  var json = false

  enum DataSplit: String, ExpressibleByArgument, CaseIterable {
    case train, validation
  }

  func validate() throws {
    guard !text.isEmpty || data != nil || lambada != nil else {
      throw ValidationError("Name something to evaluate on: --text, --data or --lambada.")
    }
    guard text.isEmpty || data == nil else {
      throw ValidationError("Give --text or --data, not both.")
    }
    guard split == nil || data != nil else {
      throw ValidationError("--split chooses among the tokens of --data.")
    }
    for (name, value) in [("context", context), ("stride", stride), ("batch", batch)] {
      if let value, value < 1 {
        throw ValidationError("--\(name) is \(value); expected at least 1.")
      }
    }
  }

  func run() async throws {
    let terminal = Terminal(json ? .standardError : .standardOutput)
    let printer = EvaluationProgressPrinter(terminal: terminal, isQuiet: quiet)
    let interruption = Interruption(
      first: { terminal.print("Stopping. Ctrl-C again quits at once.") }, last: terminal.leave)
    let runner = EvaluationRunner(options: self) { part, progress in
      try interruption.check()
      printer.show(part, progress)
    }
    defer { printer.finish() }
    do {
      let report = try runner.run()
      printer.finish()
      if json { return try CommandOutput.print(json: report) }
      try CommandOutput.print(report.lines)
    } catch is CancellationError {
      printer.finish()
      terminal.print("Interrupted; an evaluation keeps nothing, the same command begins anew.")
      throw ExitCode(Interruption.exitCode)
    }
  }
}
