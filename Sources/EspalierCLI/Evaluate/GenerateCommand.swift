// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Espalier
import Foundation

/// `espalier generate`: a model goes on from a prompt.
struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Continue a text.",
    discussion: """
      The model is a checkpoint, a Hugging Face directory, or a run, whose newest whole checkpoint \
      is taken. Without --prompt, --prompt-file or --tokens the prompt is read from standard input, \
      if that is not a terminal; an empty prompt lets the model begin a text of its own.

      Each token is drawn at random: logits are divided by the temperature, then only the --top-k \
      likeliest tokens stay, then the likeliest that together hold --top-p of the rest. The same \
      seed gives the same text. Text appears as it is generated, and ends at the end-of-text token, \
      at a --stop text, or after --length tokens. Where the model's context is full, it goes on with \
      the last half of it.

      A prompt is taken as it is, with its line feeds, and special tokens spelled out in it are \
      special. It is printed before what follows it. A directory without a tokenizer \
      takes --tokens and prints token ids, or the texts of --pieces.

      Examples:
        espalier generate runs/first --prompt "Once upon a time"
        espalier generate gpt2 --prompt-file letter.txt --temperature 0.8 --top-p 0.95 --seed 3
        espalier generate gpt2 --prompt "Q: Why?\\nA:" --greedy --stop "Q:" --length 200
        echo -n "The sea" | espalier generate runs/first --count 3 --json
        espalier generate stories260K --tokens 1 --pieces stories260K/pieces.json --greedy \
      --length 60

      Exit codes: 0 done, 1 error, 64 wrong usage, 130 interrupted.
      """)

  @Argument(help: "A checkpoint, Hugging Face directory or run.", completion: .directory)
  var checkpoint: String

  @Option(parsing: .unconditional, help: ArgumentHelp("The text to continue.", valueName: "text"))
  var prompt: String?

  @Option(
    help: ArgumentHelp("A file with the text to continue.", valueName: "path"),
    completion: .file())
  var promptFile: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Token ids to continue, taken as they are.", valueName: "ids"))
  var tokens: [Int32] = []

  @Option(parsing: .unconditional, help: "The most tokens to generate.")
  var length = 100

  @Option(parsing: .unconditional, help: "What logits are divided by; 0 is --greedy.")
  var temperature = 1.0

  @Option(parsing: .unconditional, help: "Draw only from so many of the likeliest tokens.")
  var topK: Int?

  @Option(
    parsing: .unconditional,
    help: "Draw only from the likeliest tokens that together hold this probability.")
  var topP: Double?

  @Option(
    parsing: .unconditional,
    help: """
      Divide the logits of tokens that came before by this; 1 for none. Default what \
      generation_config.json says.
      """)
  var repetitionPenalty: Double?

  @Option(
    parsing: .unconditional,
    help: """
      Let groups of so many tokens come only once; 0 for no such rule. Default what \
      generation_config.json says.
      """)
  var noRepeatSize: Int?

  @Flag(help: "Always take the likeliest token.")
  var greedy = false

  @Option(parsing: .unconditional, help: "Fixes all draws; default a new one each time.")
  var seed: UInt64?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("End before this text; may be repeated.", valueName: "text"))
  var stop: [String] = []

  @Option(parsing: .unconditional, help: "Texts to generate.")
  var count = 1

  @Option(help: "The number format of the products: \(Precision.choices).")
  var precision = Precision.fp32

  @Option(
    help: ArgumentHelp(
      "A tokenizer.json, or a directory with one, instead of the model's.", valueName: "path"),
    completion: .file())
  var tokenizer: String?

  @Option(
    help: ArgumentHelp(
      "A JSON array with the text of each token, for a model without a tokenizer.",
      valueName: "path"), completion: .file())
  var pieces: String?

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var engineOptions: EngineOptions

  @Flag(inversion: .prefixedNo, help: "Print a prompt's text before what follows it.")
  var echo = true

  @Flag(help: "Print the texts as JSON, when all are done.")
  var json = false

  func validate() throws {
    let prompts = [prompt != nil, promptFile != nil, !tokens.isEmpty].count { $0 }
    guard prompts < 2 else {
      throw ValidationError(
        "Give one of --prompt, --prompt-file and --tokens."
          + (tokens.isEmpty
            ? "" : " --tokens are ids of tokens to continue; how many to generate is --length."))
    }
    guard length >= 0 else {
      throw ValidationError("--length is \(length); expected 0 or more.")
    }
    guard count > 0 else { throw ValidationError("--count is \(count); expected at least 1.") }
    guard pieces == nil || tokenizer == nil else {
      throw ValidationError("Give --tokenizer or --pieces, not both.")
    }
    guard !greedy || temperature == 1 || temperature == 0, !greedy || topK == nil && topP == nil
    else {
      throw ValidationError(
        "--greedy draws nothing; --temperature, --top-k and --top-p do not go with it.")
    }
    guard !stop.contains("") else { throw ValidationError("A --stop text is empty.") }
    do {
      _ = try sampler()
      _ = try repetition(GenerationRules())
    } catch let error as EvaluationError {
      throw ValidationError("--\(error.subject) \(error.message).")
    }
  }

  func run() async throws {
    let terminal = Terminal(.standardError)
    let interruption = Interruption(first: {}, last: terminal.leave)
    do {
      try generate(interruption.check)
    } catch is CancellationError {
      if !json { try? CommandOutput.write("\n") }
      terminal.print("Interrupted; generation keeps nothing, the same --seed gives the same text.")
      throw ExitCode(Interruption.exitCode)
    }
  }

  private func generate(_ check: @escaping () throws -> Void) throws {
    let bundle = try ModelBundle(
      reading: URL(filePath: checkpoint), tokenizer: tokenizer.map { URL(filePath: $0) },
      ignoring: modelOptions.ignoredTensors)
    PassedOverWarning.print(bundle.passedOver, using: bundle.directory.url)
    ModelOptions.tell(bundle.directory)
    let rules = try bundle.directory.configuration.generationRules()
    Note.print(notes(on: rules))
    let (text, ids) = try promptTokens(bundle, check)
    let model = try bundle.makeLanguageModel(
      try engineOptions.makeEngine(), precision: precision)
    let generator = try TextGenerator(
      model, contextLength: bundle.contextLength, texts: try texts(bundle))
    let configuration = GenerationConfiguration(
      length: length, sampler: try sampler(), seed: seed ?? .random(in: 0...UInt64(UInt32.max)),
      endTokens: bundle.endTokens, stopTexts: stop, repetition: try repetition(rules))
    var generations: [Generation] = []
    for sample in 0..<count {
      let output = GenerationOutput(
        writesTokens: generator.texts == nil, isSilent: json, check: check)
      try output.begin(sample: sample, of: count, prompt: echo ? text : nil)
      generations.append(
        try generator.generate(
          from: ids, configuration, sample: sample, observe: output.handle))
      try output.end()
    }
    if json {
      try CommandOutput.print(
        json: GenerationReport(
          model: bundle.directory.url.path, prompt: text, promptTokens: ids,
          seed: configuration.seed, passedOver: bundle.passedOver.orNil,
          generations: generations))
    }
  }

  private func sampler() throws -> Sampler {
    greedy ? .greedy : try Sampler(temperature: temperature, topK: topK, topP: topP)
  }

  private func repetition(_ rules: GenerationRules) throws -> RepetitionRules {
    try RepetitionRules(
      penalty: repetitionPenalty ?? rules.repetitionPenalty,
      noRepeatSize: noRepeatSize ?? rules.noRepeatSize)
  }

  private func texts(_ bundle: ModelBundle) throws -> TokenTexts? {
    if let pieces { return .pieces(try TokenPieces(contentsOf: URL(filePath: pieces))) }
    return bundle.tokenizer.map { .tokenizer($0) }
  }

  /// The prompt's text, where it is one, and its tokens.
  private func promptTokens(
    _ bundle: ModelBundle, _ check: () throws -> Void
  ) throws -> (String?, [Int32]) {
    guard tokens.isEmpty else {
      try bundle.check(tokens, of: "--tokens")
      return (nil, tokens)
    }
    let text = try promptText(check)
    return (text, try bundle.promptTokens(text))
  }

  private func promptText(_ check: () throws -> Void) throws -> String {
    if let prompt { return prompt }
    if let promptFile { return try PromptText.file(promptFile) }
    guard isatty(STDIN_FILENO) == 0 else { return "" }
    return try PromptText.standardInput(check)
  }
}

/// What `espalier generate` gives other programs.
private struct GenerationReport: Encodable {
  var model: String
  var prompt: String?
  var promptTokens: [Int32]
  var seed: UInt64
  /// Newer checkpoints of the run that are damaged; nil where there are none.
  var passedOver: [PassedOverCheckpoint]?
  var generations: [Generation]
}

/// Writes generated text to standard output as it comes.
private struct GenerationOutput {
  var writesTokens: Bool
  var isSilent: Bool
  /// Throws where the user wishes to stop.
  var check: () throws -> Void

  func begin(sample: Int, of count: Int, prompt: String?) throws {
    if count > 1 { try write("\(sample == 0 ? "" : "\n")── \(sample + 1) ──\n") }
    if let prompt { try write(prompt) }
  }

  func handle(_ event: GenerationEvent) throws {
    try check()
    switch event {
    case .token(let token): if writesTokens { try write("\(token) ") }
    case .text(let text): try write(text)
    }
  }

  func end() throws { try write("\n") }

  /// Writes a text as it is, but for codes that would reach a terminal.
  private func write(_ text: String) throws {
    guard !isSilent else { return }
    let isShown = StandardStream.standardOutput.isTerminal
    try CommandOutput.write(isShown ? ShownText.escaped(text, as: .prose) : text)
  }
}
