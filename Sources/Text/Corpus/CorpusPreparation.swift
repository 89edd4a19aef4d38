// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

/// Turns text into a directory of token shards.
///
/// The directory holds flat files of little-endian tokens, `tokenizer.json`, and a manifest
/// (``CorpusManifest``). Its bytes depend on the text, the tokenizer and the configuration, not on
/// the number of threads. Memory does not grow with the text.
public struct CorpusPreparation: Sendable {
  /// Which part is kept for validation.
  public enum Validation: Sendable, Hashable {
    /// None.
    case none
    /// A share of the text, above 0 and below 1, in whole documents, chosen by a hash of the seed and
    /// the document's number. Where documents cannot make up half of the share, as a single one or few
    /// large ones, the last share of all tokens.
    case fraction(Double)
    /// Inputs of its own.
    case inputs([CorpusInput])
  }

  /// What to do with lines that are not JSON objects with a string `text`.
  public enum BadLines: String, Sendable, Hashable {
    /// Stop with an error that names the file and the line.
    case fail
    /// Pass over and count.
    case skip
  }

  /// What to read and how to write it.
  public struct Configuration: Sendable {
    /// The text, in order.
    public var inputs: [CorpusInput]
    /// Which part is kept for validation.
    public var validation: Validation
    /// Seed of the choice of validation documents.
    public var seed: UInt64
    /// Threads that encode.
    public var threadCount = ProcessInfo.processInfo.activeProcessorCount
    /// Tokens in every shard but the last of a split.
    public var tokensPerShard = 64 << 20
    /// What to do with lines that cannot be read.
    public var badLines = BadLines.fail
    /// Whether an existing directory of shards is replaced.
    public var overwrites = false
    /// Sizes of the pieces in which text is read.
    package var limits = CorpusReader.Limits()

    /// Makes a configuration.
    public init(inputs: [CorpusInput], validation: Validation = .none, seed: UInt64 = 0) {
      self.inputs = inputs
      self.validation = validation
      self.seed = seed
    }
  }

  /// How far the work is.
  public struct Progress: Sendable, Hashable {
    /// Bytes of files read, as they stand on disk.
    public var bytesRead: Int
    /// Bytes of all files; nil where standard input is among them.
    public var totalBytes: Int?
    /// Tokens written.
    public var tokenCount: Int
    /// Documents written.
    public var documentCount: Int
  }

  /// What was done.
  public struct Summary: Sendable, Hashable, Codable {
    /// What the directory holds.
    public var manifest: CorpusManifest
    /// Documents without text; they have no tokens.
    public var emptyDocumentCount: Int
    /// Lines passed over since they could not be read.
    public var badLineCount: Int
    /// Those lines by what is wrong with them, in words.
    public var badLines: [String: Int]
    /// Surrogates in JSON that stood alone, which no text can hold; each became U+FFFD.
    public var replacedSurrogateCount: Int
    /// Bytes that are not UTF-8; nil where all are.
    public var invalidUTF8: InvalidUTF8?
    /// What a user should know of the text, in sentences.
    public var remarks: [String] = []
  }

  /// What to read and how to write it.
  public var configuration: Configuration

  /// Prepares with a configuration.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
  }

  /// Writes the directory, which appears whole or not at all.
  ///
  /// A process that is killed leaves a hidden directory beside it, which the next one that writes there
  /// removes.
  ///
  /// - Parameters:
  ///   - tokenizer: Gives the tokens; must have an end-of-text token.
  ///   - directory: The directory to make.
  ///   - progress: Called on this thread every so often; what it throws ends the work, and nothing
  ///     is left behind.
  /// - Throws: ``TextError`` that names the file or line, and what `progress` throws.
  public func run(
    tokenizer: some Tokenizer, to directory: URL, progress: (Progress) throws -> Void = { _ in }
  ) throws -> Summary {
    let endOfText = try checkedEndOfText(of: tokenizer)
    try checkConfiguration()
    let target = TokensTarget(directory, overwrites: configuration.overwrites)
    try target.check()
    do {
      return try withoutActuallyEscaping(progress) { progress in
        try AtomicDirectory.write(to: target.url) { temporary in
          let summary = try write(
            to: temporary, tokenizer: tokenizer, endOfText: endOfText, progress: progress)
          // Somebody else may have come first.
          try target.check()
          return summary
        }
      }
    } catch let error as CheckpointsError {
      throw TextError(.invalidShard, error)
    }
  }

  /// Checks, before any work, that a directory may be written.
  ///
  /// - Throws: ``TextError`` of code `invalidShard` where something is there that may not be replaced.
  public func check(_ directory: URL) throws {
    try TokensTarget(directory, overwrites: configuration.overwrites).check()
  }

  private func write(
    to directory: URL, tokenizer: some Tokenizer, endOfText: Int32,
    progress: @escaping (Progress) throws -> Void
  ) throws -> Summary {
    let tokenType = TokenType(vocabularySize: tokenizer.vocabularySize)
    let writer = DatasetWriter(
      directory: directory, tokenType: tokenType, endOfText: endOfText,
      configuration: configuration)
    let encoder = PieceEncoder(
      tokenizer: tokenizer, endOfText: endOfText, tokenType: tokenType,
      badLines: configuration.badLines)
    let counts = try writeDocuments(with: encoder, to: writer, progress: progress)
    let (validation, splits) = try writer.finish()
    let manifest = CorpusManifest(
      tokenType: tokenType, vocabularySize: tokenizer.vocabularySize, endOfText: endOfText,
      tokenizerFingerprint: tokenizer.fingerprint, textByteCount: counts.textByteCount,
      validation: validation, splits: splits)
    for (name, data) in [
      (CorpusManifest.tokenizerFileName, try tokenizer.tokenizerJSON()),
      (CorpusManifest.fileName, try manifest.encoded()),
    ] {
      _ = try OutputFile.write(data, to: directory.appendingPathComponent(name))
    }
    return Summary(manifest, counts, keepsInvalidUTF8: tokenizer is ByteTokenizer)
  }

  private func checkedEndOfText(of tokenizer: some Tokenizer) throws -> Int32 {
    guard let endOfText = tokenizer.endOfText else {
      throw TextError(
        .unsupportedTokenizer,
        "has no end-of-text token to keep documents apart; use one that names it",
        subject: "tokenizer")
    }
    return endOfText
  }

  private func checkConfiguration() throws {
    func check(_ holds: Bool, _ message: String, _ subject: String) throws {
      if !holds { throw TextError(.invalidShard, message, subject: subject) }
    }
    if case .fraction(let fraction) = configuration.validation {
      try check(
        fraction > 0 && fraction < 1, "\(fraction) is not above 0 and below 1",
        "validation fraction")
    }
    try check(
      (1...1024).contains(configuration.threadCount),
      "\(configuration.threadCount) is not from 1 to 1024", "threads")
    try check(
      (1...1 << 40).contains(configuration.tokensPerShard),
      "\(configuration.tokensPerShard) is not from 1 to 2⁴⁰", "tokens per shard")
    try check(!configuration.inputs.isEmpty, "there is none; name files of text", "input")
  }
}
