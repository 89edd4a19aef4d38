// SPDX-License-Identifier: Apache-2.0
import Architectures
import Checkpoints
import Foundation
import Text
import Training

/// A model ready to be used: its directory and, where there is one, its tokenizer.
public struct ModelBundle: Sendable {
  /// The model's files.
  public let directory: ModelDirectory
  /// What makes tokens of text; nil where the directory holds none and none was given.
  public let tokenizer: (any Tokenizer)?
  /// Newer checkpoints of the run that are damaged, newest first; none for a model named itself.
  public let passedOver: [PassedOverCheckpoint]

  /// Opens a checkpoint, a Hugging Face directory, or a run, whose newest whole checkpoint is taken;
  /// see `ModelLocation`.
  ///
  /// Where a checkpoint carries a manifest, every file is compared with its checksum.
  ///
  /// - Parameters:
  ///   - tokenizer: a `tokenizer.json` or a directory with one (or with `vocab.json` and
  ///     `merges.txt`), instead of the model's own.
  ///   - families: families beside the known ones.
  ///   - patterns: names of tensors that are no part of the model and are passed over.
  /// - Throws: `TrainingError` of code `missingModel`; the errors of Checkpoints, Architectures and
  ///   Text for files that are missing, damaged or not supported.
  public init(
    reading url: URL, tokenizer: URL? = nil, families: [DecoderFamily] = [],
    ignoring patterns: [String] = []
  ) throws {
    let location = try ModelLocation(of: url)
    let url = location.url
    self.init(
      try ModelDirectory(reading: url, families: families, ignoring: patterns),
      tokenizer: try (tokenizer ?? Self.tokenizerDirectory(url)).map(TokenizerLoader.load),
      passedOver: location.passedOver)
  }

  /// Puts a model and a tokenizer together.
  ///
  /// The tokenizer may have more tokens than the model has embeddings: those are refused where they
  /// occur.
  ///
  /// - Parameter passedOver: damaged checkpoints in whose place this one was taken.
  public init(
    _ directory: ModelDirectory, tokenizer: (any Tokenizer)?,
    passedOver: [PassedOverCheckpoint] = []
  ) {
    self.directory = directory
    self.tokenizer = tokenizer
    self.passedOver = passedOver
  }

  /// Checks that the model has an embedding for each token.
  ///
  /// - Parameter subject: what the tokens are, for errors.
  /// - Throws: ``EvaluationError`` of code `vocabularyMismatch` that names the first other token.
  public func check(_ tokens: some Collection<Int32>, of subject: String) throws {
    let known = 0..<Int32(clamping: directory.program.vocabularySize)
    guard let token = tokens.first(where: { !known.contains($0) }) else { return }
    throw unknown(token, of: subject)
  }

  /// A row of tokens that is checked as ``check(_:of:)`` does where it is read.
  public func checked(_ source: any TokenSource) -> any TokenSource {
    let known = directory.program.vocabularySize
    return source.vocabularySize <= known
      ? source
      : BoundedTokens(source, vocabularySize: known) { unknown($0, of: source.subject) }
  }

  private func unknown(_ token: Int32, of subject: String) -> EvaluationError {
    let known = directory.program.vocabularySize
    let name = (tokenizer as? BPETokenizer)?.token(ofID: token).map { " ('\($0)')" } ?? ""
    return EvaluationError(
      .vocabularyMismatch,
      "holds token \(token)\(name), but the model has embeddings for ids below \(known); leave it "
        + "out, or take the tokenizer that the model was trained with", subject: subject)
  }

  /// Whether tokens were prepared with the model's tokenizer: as its folder's files together make it,
  /// or as its `tokenizer.json` by itself does.
  public func hasTokenizer(ofFingerprint fingerprint: String) -> Bool {
    tokenizer?.fingerprint == fingerprint
      || TokenizerLoader.hasFile(ofFingerprint: fingerprint, in: directory.url)
  }

  /// The most tokens that the model was trained to see.
  public var contextLength: Int { directory.program.contextLength }

  /// The most tokens that the model can be given at once; nil where its positions have no end.
  public var positionLimit: Int? { directory.program.positionCount }

  /// What the tokenizer's files put before a text; nothing where they say nothing.
  public var promptPrefix: [Int32] { (tokenizer as? BPETokenizer)?.template.prefix ?? [] }

  /// What the tokenizer's files put after a text; nothing where they say nothing.
  public var promptSuffix: [Int32] { (tokenizer as? BPETokenizer)?.template.suffix ?? [] }

  /// The tokens of a prompt with what its tokenizer puts around it, as `AutoTokenizer` gives them.
  ///
  /// Special tokens spelled out in the text are special, as in transformers. An empty prompt is the
  /// token that begins a text or, where there is none, the one that ends the text before.
  ///
  /// - Throws: ``EvaluationError`` of code `missingTokenizer`, `vocabularyMismatch` for a token that
  ///   the model does not know, or `invalidConfiguration` for an empty prompt where there is no such
  ///   token.
  public func promptTokens(_ text: String) throws -> [Int32] {
    guard let tokenizer else {
      throw EvaluationError(
        .missingTokenizer,
        "holds no tokenizer for the prompt; name one (--tokenizer), or give token ids (--tokens)",
        subject: directory.url.path)
    }
    var tokens =
      promptPrefix + tokenizer.encode(text, allowsSpecialTokens: true) + promptSuffix
    if tokens.isEmpty {
      let begin = (tokenizer as? BPETokenizer)?.beginningOfText ?? tokenizer.endOfText
      guard let begin else {
        throw EvaluationError(
          .invalidConfiguration,
          "is empty, and the tokenizer has no token that begins or ends a text; give some text",
          subject: "prompt")
      }
      tokens = [begin]
    }
    try check(tokens, of: "prompt")
    return tokens
  }

  /// The tokens that end a generated text: those of `generation_config.json`, or else those of
  /// `config.json`, as in transformers; the tokenizer's where neither file speaks of them.
  public var endTokens: Set<Int32> {
    let configuration = directory.configuration
    guard configuration.namesEndOfText else { return Set([tokenizer?.endOfText].compactMap { $0 }) }
    return Set(configuration.endOfTextTokens.compactMap(Int32.init(exactly:)))
  }

  /// Readies the model on an engine.
  ///
  /// - Throws: the errors of Checkpoints and the engine.
  public func makeLanguageModel(
    _ engine: some TrainingEngine, precision: Precision = .fp32
  ) throws -> any LanguageModel {
    try engine.makeLanguageModel(
      for: directory.program, parameters: directory.values(), precision: precision)
  }

  private static func tokenizerDirectory(_ url: URL) -> URL? {
    let files = FileManager.default
    func has(_ name: String) -> Bool {
      files.fileExists(atPath: url.appending(path: name).path)
    }
    return has("tokenizer.json") || has("vocab.json") && has("merges.txt") ? url : nil
  }
}
