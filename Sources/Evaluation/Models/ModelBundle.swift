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

  /// Opens a checkpoint, a Hugging Face directory, or a run, whose newest whole checkpoint is taken.
  ///
  /// Where a checkpoint carries a manifest, every file is compared with its checksum.
  ///
  /// - Parameters:
  ///   - tokenizer: a `tokenizer.json` or a directory with one (or with `vocab.json` and
  ///     `merges.txt`), instead of the model's own.
  ///   - families: families beside the known ones.
  ///   - patterns: names of tensors that are no part of the model and are passed over.
  /// - Throws: `TrainingError` of code `missingModel`; ``EvaluationError`` of code
  ///   `vocabularyMismatch`; the errors of Checkpoints, Architectures and Text for files that are
  ///   missing, damaged or not supported.
  public init(
    reading url: URL, tokenizer: URL? = nil, families: [DecoderFamily] = [],
    ignoring patterns: [String] = []
  ) throws {
    let url = try ModelLocation(of: url).url
    try self.init(
      ModelDirectory(reading: url, families: families, ignoring: patterns),
      tokenizer: try (tokenizer ?? Self.tokenizerDirectory(url)).map(TokenizerLoader.load))
  }

  /// Puts a model and a tokenizer together.
  ///
  /// - Throws: ``EvaluationError`` of code `vocabularyMismatch` where the tokenizer has ids that the
  ///   model does not know.
  public init(_ directory: ModelDirectory, tokenizer: (any Tokenizer)?) throws {
    self.directory = directory
    self.tokenizer = tokenizer
    if let tokenizer { try checkVocabulary(tokenizer.vocabularySize, of: "tokenizer") }
  }

  /// Checks that the model knows all ids below `size`.
  ///
  /// - Throws: ``EvaluationError`` of code `vocabularyMismatch`.
  public func checkVocabulary(_ size: Int, of subject: String) throws {
    let known = directory.program.configuration.vocabularySize
    guard size <= known else {
      throw EvaluationError(
        .vocabularyMismatch,
        "has \(size) tokens, but the model knows \(known); expected the tokenizer that the model "
          + "was trained with", subject: subject)
    }
  }

  /// The most tokens that the model was trained to see.
  public var contextLength: Int { directory.program.configuration.contextLength }

  /// The most tokens that the model can be given at once; nil where its positions have no end.
  public var positionLimit: Int? {
    directory.program.configuration.rotary == nil ? contextLength : nil
  }

  /// What the tokenizer's file puts before a text; nothing where it says nothing.
  public var promptPrefix: [Int32] { (tokenizer as? BPETokenizer)?.template.prefix ?? [] }

  /// What stands before a text of which every token is to be predicted: ``promptPrefix``, or else the
  /// token that begins a text; nothing where the vocabulary has none.
  public var beginTokens: [Int32] {
    guard promptPrefix.isEmpty else { return promptPrefix }
    return [(tokenizer as? BPETokenizer)?.beginningOfText].compactMap { $0 }
  }

  /// The tokens of a prompt with what its tokenizer puts before it.
  ///
  /// Special tokens spelled out in the text are special, as in transformers. An empty prompt is the
  /// token that begins a text or, where there is none, the one that ends the text before.
  ///
  /// - Throws: ``EvaluationError`` of code `missingTokenizer`, or `invalidConfiguration` for an empty
  ///   prompt where there is no such token.
  public func promptTokens(_ text: String) throws -> [Int32] {
    guard let tokenizer else {
      throw EvaluationError(
        .missingTokenizer, "holds no tokenizer for the prompt; give one, or token ids",
        subject: directory.url.path)
    }
    let tokens = promptPrefix + tokenizer.encode(text, allowsSpecialTokens: true)
    if !tokens.isEmpty { return tokens }
    if !beginTokens.isEmpty { return beginTokens }
    guard let end = tokenizer.endOfText else {
      throw EvaluationError(
        .invalidConfiguration,
        "is empty, and the tokenizer has no token that begins or ends a text; give some text",
        subject: "prompt")
    }
    return [end]
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
