// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier prepare`: text becomes a tokenizer and token shards.
struct PrepareCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Turn text into a tokenizer and token shards.",
    discussion: """
      Each input is a file, a folder (its .txt and .jsonl files, or those that --include names, also \
      deeper, in the order of their names), or - for standard input. A .jsonl or .ndjson file has one \
      document on each line, in the field "text"; any other file is one document. Gzip, also dictzip, \
      is read as it is; files that are no text in UTF-8 are refused, with what to do. The end-of-text \
      token stands after each document.

      Validation takes whole documents, chosen by a hash of the seed and the document's number, until \
      they are the share of the text that is asked for. Where documents are too large for that, as a \
      single one is, the end of the text validates.

      The directory appears whole or not at all, and has the same bytes for the same text, \
      tokenizer and seed, whatever the number of threads.

      Examples:
        espalier prepare corpus.txt -o tokens --vocabulary 4096
        espalier prepare texts/ more.jsonl.gz -o tokens --tokenizer gpt2/tokenizer.json
        espalier prepare train.txt --validation held-out.txt -o tokens --tokenizer bytes
        zcat dump.jsonl.gz | espalier prepare - --stdin-format jsonl -o tokens --tokenizer bytes

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @Argument(help: "Files or folders of text, or - for standard input.", completion: .file())
  var inputs: [String]

  @Option(
    name: [.short, .customLong("output")], help: "The directory to write; must be new.",
    completion: .directory)
  var output: String

  @Option(
    help: ArgumentHelp(
      "bpe trains a byte-level tokenizer on the inputs; bytes takes bytes as tokens; a path names a "
        + "tokenizer.json, or the directory of one or of vocab.json and merges.txt.",
      valueName: "bpe|bytes|path"),
    completion: .file())
  var tokenizer = "bpe"

  @Option(
    parsing: .unconditional,
    help: "Tokens in the vocabulary that bpe trains; default \(Self.defaultVocabulary).")
  var vocabulary: Int?

  @Option(
    parsing: .unconditional,
    help: "Share of the text kept for validation; 0 for none; default \(Self.defaultFraction).")
  var validationFraction: Double?

  @Option(
    name: .customLong("validation"),
    help: ArgumentHelp(
      "Files or folders kept for validation, instead of a share; may be repeated.",
      valueName: "path"),
    completion: .file())
  var validationPaths: [String] = []

  @Option(
    name: .customLong("include"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The only files to take from folders, such as '*.py' or 'src/*.md'; may be repeated.",
      valueName: "pattern"))
  var patterns: [String] = []

  @Option(parsing: .unconditional, help: "Seed of the choice of validation documents.")
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditional,
    help: "Threads; default all cores. The result is the same for any number.")
  var threads: Int?

  @Option(parsing: .unconditional, help: "Tokens in each file of tokens.")
  var shardTokens = CorpusPreparation.Configuration(inputs: []).tokensPerShard

  @Option(help: "How documents stand in standard input: text (one document) or jsonl.")
  var stdinFormat = CorpusInput.Format.text

  @Flag(help: "Pass over and count lines that are not JSON objects with a string \"text\".")
  var skipBadLines = false

  @Flag(help: "Replace a directory of tokens that is there already.")
  var overwrite = false

  @Flag(help: "Print nothing but warnings.")
  var quiet = false

  @Flag(help: "Print the result as JSON on standard output, and progress on standard error.")
  var json = false

  private static let defaultVocabulary = 32_768
  private static let defaultFraction = 0.02

  func validate() throws {
    if let vocabulary {
      guard tokenizer == "bpe" else {
        throw ValidationError("--vocabulary goes with --tokenizer bpe, which trains one.")
      }
      guard vocabulary > 256 else {
        throw ValidationError(
          "--vocabulary is \(vocabulary); expected at least 257, for the bytes and end-of-text.")
      }
    }
    if let fraction = validationFraction, !(fraction >= 0 && fraction < 1) {
      throw ValidationError("--validation-fraction is \(fraction); expected 0 up to below 1.")
    }
    guard validationFraction == nil || validationPaths.isEmpty else {
      throw ValidationError("Give --validation or --validation-fraction, not both.")
    }
    if tokenizer == "bpe" && inputs.contains("-") {
      throw ValidationError(
        "Standard input can be read only once, but --tokenizer bpe reads the text twice. Save the "
          + "text to a file first, or name a tokenizer.")
    }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); expected 1 to 1024.")
    }
    guard shardTokens > 0 else {
      throw ValidationError("--shard-tokens is \(shardTokens); expected at least 1.")
    }
  }

  func run() async throws {
    let terminal = Terminal(json ? .standardError : .standardOutput)
    let progress = PreparationProgressPrinter(terminal: terminal, isQuiet: quiet)
    let interruption = Interruption(
      first: { terminal.print("Stopping. Ctrl-C again quits at once.") }, last: terminal.leave)
    defer { progress.finish() }
    do {
      var remarks: [String] = []
      let configuration = try makeConfiguration(&remarks)
      let directory = URL(fileURLWithPath: output)
      try CorpusPreparation(configuration).check(directory)
      let tokenizer = try makeTokenizer(for: configuration) { done, total in
        try interruption.check()
        progress.show("training the tokenizer", done: done, total: total, tokens: nil)
      }
      if let remark = vocabularyRemark(tokenizer) { remarks.append(remark) }
      progress.beginPart()
      var summary = try CorpusPreparation(configuration).run(
        tokenizer: tokenizer, to: directory
      ) {
        try interruption.check()
        progress.show(
          "encoding", done: $0.bytesRead, total: $0.totalBytes, tokens: $0.tokenCount)
      }
      progress.finish()
      summary.remarks = remarks + summary.remarks + summary.validationRemarks
      try report(summary, seconds: progress.elapsedSeconds, on: terminal)
    } catch is CancellationError {
      progress.finish()
      terminal.print("Interrupted; nothing was written, the same command begins anew.")
      throw ExitCode(Interruption.exitCode)
    }
  }

  private func makeConfiguration(
    _ remarks: inout [String]
  ) throws -> CorpusPreparation.Configuration {
    let search = try CorpusSearch(inputs, including: patterns, standardInput: stdinFormat)
    remarks += search.remarks
    var configuration = CorpusPreparation.Configuration(inputs: search.inputs, seed: seed)
    let fraction = validationFraction ?? Self.defaultFraction
    if !validationPaths.isEmpty {
      let validation = try CorpusSearch(
        validationPaths, including: patterns, standardInput: stdinFormat
      ).inputs
      let (training, remark) = try CorpusInput.leaving(search.inputs, without: validation)
      configuration.inputs = training
      configuration.validation = .inputs(validation)
      if let remark { remarks.append(remark) }
    } else if fraction > 0 {
      configuration.validation = .fraction(fraction)
    }
    if let threads { configuration.threadCount = threads }
    configuration.tokensPerShard = shardTokens
    configuration.badLines = skipBadLines ? .skip : .fail
    configuration.overwrites = overwrite
    return configuration
  }

  private func makeTokenizer(
    for configuration: CorpusPreparation.Configuration, progress: (Int, Int?) throws -> Void
  ) throws -> any Tokenizer {
    switch tokenizer {
    case "bytes": return ByteTokenizer()
    case "bpe":
      var training = BytePairTraining(vocabularySize: vocabulary ?? Self.defaultVocabulary)
      training.badLines = configuration.badLines
      training.threadCount = configuration.threadCount
      return try training.run(configuration.inputs, progress: progress)
    default: return try TokenizerLoader.load(from: URL(fileURLWithPath: tokenizer))
    }
  }

  private func vocabularyRemark(_ trained: any Tokenizer) -> String? {
    guard tokenizer == "bpe" else { return nil }
    return BytePairTraining(vocabularySize: vocabulary ?? Self.defaultVocabulary)
      .remark(on: trained)
  }

  private func report(
    _ summary: CorpusPreparation.Summary, seconds: Double, on terminal: Terminal
  ) throws {
    try CommandOutput.afterWork("the tokens are whole, in \(output)") {
      if json { return try CommandOutput.print(json: summary) }
      guard !quiet else { return Note.print(summary.remarks) }
      try CommandOutput.print(Self.lines(summary, output: output, seconds: seconds))
    }
  }

  private static func lines(
    _ summary: CorpusPreparation.Summary, output: String, seconds: Double
  ) -> [String] {
    let manifest = summary.manifest
    let tokenCount = manifest.splits.values.reduce(0) { $0 + $1.tokenCount }
    let bytesPerToken = Double(manifest.textByteCount) / Double(max(tokenCount, 1))
    var lines = [
      "Wrote \(output): vocabulary \(Readable.exact(manifest.vocabularySize)), "
        + "\(Readable.bytes(manifest.textByteCount)) of text, "
        + String(format: "%.2f bytes per token, ", bytesPerToken)
        + "in \(Readable.time(seconds))"
    ]
    for name in ["train", "validation"] {
      guard let split = manifest.splits[name] else { continue }
      lines.append(
        "  \(name): \(Readable.exact(split.tokenCount, of: "token")), "
          + "\(Readable.exact(split.documentCount, of: "document")), "
          + Readable.exact(split.shards.count, of: "file"))
    }
    return lines + summary.remarks.map { "  \($0)" }
  }
}

extension CorpusInput.Format: ExpressibleByArgument {}
