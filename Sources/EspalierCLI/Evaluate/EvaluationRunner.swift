// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// What `espalier evaluate` found, for people and for other programs.
struct EvaluationReport: Encodable {
  var model: String
  var precision: Precision
  var threads: Int
  var contextLength: Int
  var stride: Int?
  var seconds: Double
  var perplexity: PerplexityResult?
  var lastWord: LastWordResult?
  /// Newer checkpoints of the run that are damaged; nil where there are none.
  var passedOver: [PassedOverCheckpoint]?
  /// What a user should know of the model's files.
  var notes: [String]

  /// The results as lines of text.
  var lines: [String] {
    (perplexity.map(Self.lines) ?? []) + (lastWord.map(Self.lines) ?? [])
      + [
        "in \(Readable.time(seconds)), \(precision.rawValue), context \(contextLength)"
          + (stride.map { ", stride \($0)" } ?? "")
      ]
  }

  private static func lines(_ result: PerplexityResult) -> [String] {
    var lines = [
      "\(Readable.exact(result.scoredTokenCount, of: "token")) scored",
      row("loss", result.loss, "nats per token"),
      row("perplexity", result.tokenPerplexity, "per token"),
    ]
    if let words = result.wordCount, let perplexity = result.wordPerplexity {
      lines.append(row("", perplexity, "per word (\(Readable.exact(words, of: "word")))"))
    }
    if let bytes = result.byteCount, let perplexity = result.bytePerplexity {
      lines.append(row("", perplexity, "per byte (\(Readable.exact(bytes, of: "byte")))"))
    }
    if let bits = result.bitsPerByte { lines.append(row("bits", bits, "per byte")) }
    lines.append(row("accuracy", result.tokenAccuracy, "of the likeliest token"))
    return lines
  }

  private static func lines(_ result: LastWordResult) -> [String] {
    [
      "\(Readable.exact(result.exampleCount)) last words of "
        + "\(Readable.exact(result.targetTokenCount, of: "token"))",
      row("accuracy", result.accuracy, "of last words"),
      row("perplexity", result.perplexity, "per last word"),
    ]
  }

  private static func row(_ name: String, _ value: Double, _ unit: String) -> String {
    let number =
      value < 1e6 || !value.isFinite
      ? Readable.fixed(value, decimals: 4) : String(format: "%.3e", value)
    return "  " + name.padding(toLength: 12, withPad: " ", startingAt: 0) + "\(number) \(unit)"
  }
}

/// Does what the options of `espalier evaluate` ask for.
struct EvaluationRunner {
  let options: EvaluateCommand
  /// Called with the part of the work and how far it has come.
  let progress: (String, EvaluationProgress) throws -> Void

  func run() throws -> EvaluationReport {
    let start = ProcessInfo.processInfo.systemUptime
    let bundle = try ModelBundle(
      reading: URL(filePath: options.checkpoint),
      tokenizer: options.tokenizer.map { URL(filePath: $0) },
      ignoring: options.modelOptions.ignoredTensors)
    PassedOverWarning.print(bundle.passedOver, using: bundle.directory.url)
    ModelOptions.tell(bundle.directory)
    let engine = try options.engineOptions.makeEngine()
    let model = try bundle.makeLanguageModel(engine, precision: options.precision)
    let context = try contextLength(bundle)
    var report = EvaluationReport(
      model: bundle.directory.url.path, precision: options.precision,
      threads: engine.threadCount ?? 1,
      contextLength: context, seconds: 0, notes: bundle.directory.notes)
    report.passedOver = bundle.passedOver.orNil
    if let (row, measure) = try row(bundle) {
      let evaluation = PerplexityEvaluation(
        contextLength: context, stride: options.stride, windowsPerBatch: options.batch)
      report.stride = evaluation.stride
      report.perplexity = PerplexityResult(
        try evaluation.run(row, model: model) { try progress("scoring", $0) },
        tokenCount: row.tokenCount, measure: measure)
      try row.verifyReads()
    }
    if let path = options.lambada {
      report.lastWord = try lastWords(path, of: bundle, model: model, context: context)
    }
    report.seconds = ProcessInfo.processInfo.systemUptime - start
    return report
  }

  /// The context asked for, which learned positions bound.
  private func contextLength(_ bundle: ModelBundle) throws -> Int {
    let context = options.context ?? bundle.contextLength
    if let limit = bundle.positionLimit, context > limit {
      throw EvaluationError(
        .invalidConfiguration,
        "is \(context); the model has \(Readable.exact(limit, of: "position"))",
        subject: "--context")
    }
    return context
  }

  /// The tokens to score, with the size of their text.
  private func row(_ bundle: ModelBundle) throws -> (any TokenSource, TextMeasure?)? {
    if let data = options.data {
      return try row(of: TokenDataset.open(URL(filePath: data)), bundle)
    }
    guard !options.text.isEmpty else { return nil }
    let inputs = try CorpusInput.find(options.text)
    let total = inputs.reduce(0) { $0 + ($1.fileByteCount ?? 0) }
    let text = try EvaluationText.read(
      inputs, tokenizer: tokenizer(bundle), beginTokens: bundle.promptPrefix,
      endTokens: bundle.promptSuffix,
      idle: { try progress("encoding", EvaluationProgress(done: 0, total: 0)) }
    ) { try progress("encoding", EvaluationProgress(done: $0, total: max($0, total))) }
    try bundle.check(text.tokens, of: options.text.joined(separator: ", "))
    return (
      try InMemoryTokens(
        text.tokens, vocabularySize: bundle.directory.program.vocabularySize),
      text.measure
    )
  }

  private func row(
    of dataset: TokenDataset, _ bundle: ModelBundle
  ) throws -> (any TokenSource, TextMeasure?) {
    let fingerprint = dataset.manifest.tokenizerFingerprint
    if let own = bundle.tokenizer, !bundle.hasTokenizer(ofFingerprint: fingerprint) {
      throw EvaluationError(
        .vocabularyMismatch,
        "was prepared with another tokenizer (SHA-256 \(fingerprint.prefix(12))…) than the model's "
          + "(\(own.fingerprint.prefix(12))…); prepare the text with the model's tokenizer",
        subject: dataset.url.path)
    }
    let split = options.split == .train ? dataset.train : dataset.validation
    guard let split else {
      throw EvaluationError(
        .insufficientText,
        "holds no validation tokens; name --split train, or prepare the text "
          + "again with a validation part", subject: dataset.url.path)
    }
    let measure = try TextMeasure(
      decoding: split, endOfText: dataset.manifest.endOfText,
      tokenizer: bundle.tokenizer ?? TokenizerLoader.load(from: dataset.tokenizerURL))
    return (bundle.checked(split), measure)
  }

  private func lastWords(
    _ path: String, of bundle: ModelBundle, model: any LanguageModel, context: Int
  ) throws -> LastWordResult {
    let location: CorpusInput.Location =
      path == "-" ? .standardInput : .file(URL(filePath: path))
    let examples = try LastWordExample.read(
      [CorpusInput(location, format: .jsonLines)], tokenizer: tokenizer(bundle),
      beginTokens: bundle.promptPrefix)
    for (index, example) in examples.enumerated() {
      try bundle.check(example.context + example.target, of: "\(path), example \(index + 1)")
    }
    var evaluation = LastWordEvaluation(contextLength: context)
    if let batch = options.batch { evaluation.examplesPerBatch = batch }
    return try evaluation.run(examples, model: model) { try progress("last words", $0) }
  }

  private func tokenizer(_ bundle: ModelBundle) throws -> any Tokenizer {
    guard let tokenizer = bundle.tokenizer else {
      throw EvaluationError(
        .missingTokenizer, "holds no tokenizer; name one with --tokenizer",
        subject: bundle.directory.url.path)
    }
    return tokenizer
  }
}
