// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Trains byte-level BPE vocabularies; the merges are those of `BpeTrainer` of the Hugging Face
/// library `tokenizers` on the same text.
///
/// The vocabulary begins with the token that ends a text (id 0), then come the 256 bytes and then a
/// token a merge. Documents stream through: memory holds the distinct words and one batch of text.
///
/// ```swift
/// var trainer = BPETrainer(.init(vocabularySize: 32_768))
/// for try await document in documents { trainer.add(document) }
/// let tokenizer = try trainer.train()
/// ```
public struct BPETrainer {
  /// What to train.
  public struct Configuration: Sendable, Hashable {
    /// Tokens wanted, those of bytes and the end of text among them; fewer where the text has no
    /// more pairs.
    public var vocabularySize: Int
    /// How often a pair must stand in the text to be merged.
    public var minimumFrequency: Int
    /// How text is cut into words.
    public var pattern: WordPattern
    /// Spelling of the token that ends a text; nil for a vocabulary without one.
    public var endOfText: String?
    /// Threads that count words, nil for one a core; the result does not depend on it.
    public var threadCount: Int?

    /// Makes a configuration; by default GPT-2's words, pairs that stand twice.
    public init(
      vocabularySize: Int, minimumFrequency: Int = 2, pattern: WordPattern = .gpt2,
      endOfText: String? = "<|endoftext|>", threadCount: Int? = nil
    ) {
      self.vocabularySize = vocabularySize
      self.minimumFrequency = minimumFrequency
      self.pattern = pattern
      self.endOfText = endOfText
      self.threadCount = threadCount
    }
  }

  /// How far the training is.
  public enum Progress: Sendable, Hashable {
    /// Text is read; bytes so far.
    case counting(bytes: Int)
    /// Pairs are merged; tokens so far, of those wanted.
    case merging(tokens: Int, wanted: Int)
  }

  /// What to train.
  public let configuration: Configuration
  private var counter: ParallelWordCounter

  /// Makes a trainer that has seen no text.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    counter = ParallelWordCounter(
      pattern: configuration.pattern, threadCount: configuration.threadCount)
  }

  /// Bytes of text so far.
  public var byteCount: Int { counter.byteCount }

  /// Reads a document in UTF-8; bytes that are not are read as U+FFFD.
  public mutating func add(_ document: UnsafeRawBufferPointer) { counter.add(document) }

  /// Reads a document in UTF-8.
  public mutating func add(_ document: some ContiguousBytes) {
    document.withUnsafeBytes { counter.add($0) }
  }

  /// Trains on the documents so far; more can be added and the training repeated.
  ///
  /// Throws ``TextError`` where the vocabulary wanted is smaller than the bytes and the end of text,
  /// and what `progress` throws, which ends the work.
  public mutating func train(
    progress: (Progress) throws -> Void = { _ in }
  ) throws -> BPETokenizer {
    let alphabet = try alphabet()
    let words = counter.finish()
    try progress(.counting(bytes: counter.byteCount))
    var merger = PairMerger(
      words: words, alphabet: alphabet,
      minimumFrequency: max(1, configuration.minimumFrequency))
    let wanted = configuration.vocabularySize
    try merger.run(until: wanted) { try progress(.merging(tokens: $0, wanted: wanted)) }
    return try tokenizer(merger)
  }

  /// Trains on a sequence of documents in UTF-8.
  public static func train(
    documents: some Sequence<some ContiguousBytes>, _ configuration: Configuration,
    progress: (Progress) throws -> Void = { _ in }
  ) throws -> BPETokenizer {
    var trainer = BPETrainer(configuration)
    var reported = 0
    for document in documents {
      trainer.add(document)
      if trainer.byteCount - reported >= 1 << 24 {
        reported = trainer.byteCount
        try progress(.counting(bytes: reported))
      }
    }
    return try trainer.train(progress: progress)
  }

  /// The tokens before any merge: the end of text, then the bytes in the order of the characters
  /// that spell them.
  private func alphabet() throws(TextError) -> [[UInt8]] {
    let bytes = (UInt8(0)...255)
      .sorted { ByteLevelAlphabet.scalars[Int($0)] < ByteLevelAlphabet.scalars[Int($1)] }
      .map { ByteLevelAlphabet.spelling(of: [$0]) }
    let alphabet = [configuration.endOfText].compactMap { $0.map { Array($0.utf8) } } + bytes
    guard configuration.vocabularySize >= alphabet.count,
      Int32(exactly: configuration.vocabularySize) != nil
    else {
      throw TextError(
        .invalidTokenizer,
        "\(configuration.vocabularySize) tokens wanted; expected \(alphabet.count) (every byte, "
          + "and the end of text) up to \(Int32.max)",
        subject: "vocabulary size")
    }
    return alphabet
  }

  private func tokenizer(_ merger: PairMerger) throws -> BPETokenizer {
    let model = ModelDescription(
      vocabulary: merger.tokens.enumerated().map { .init(content: $1, id: Int32($0)) },
      merges: merger.distinctMerges)
    let end = configuration.endOfText.map { AddedToken(id: 0, content: $0) }
    return try BPETokenizer(
      TokenizerDescription(
        byteLevel: model, pattern: configuration.pattern, addedTokens: [end].compactMap { $0 }),
      endOfText: configuration.endOfText, subject: "trained tokenizer")
  }
}
