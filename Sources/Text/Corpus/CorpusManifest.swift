// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Documents
import Foundation

/// What a directory of token shards holds: the contents of its `manifest.json`.
public struct CorpusManifest: Sendable, Hashable, Codable {
  /// The version that this library writes, and the only one that it reads.
  public static let currentFormatVersion = 1
  /// The manifest's name in the directory.
  public static let fileName = "manifest.json"
  /// The tokenizer's name in the directory.
  public static let tokenizerFileName = "tokenizer.json"

  /// One file of tokens.
  public struct Shard: Sendable, Hashable, Codable {
    /// The file's name in the directory.
    public var file: String
    /// Tokens in it.
    public var tokenCount: Int
    /// Documents that end in it.
    public var documentCount: Int
    /// SHA-256 of the file in hexadecimal.
    public var sha256: String
  }

  /// Shards that follow one another.
  public struct Split: Sendable, Hashable, Codable {
    /// The files, in order.
    public var shards: [Shard]
    /// Tokens in all of them.
    public var tokenCount: Int
    /// Documents of which they hold at least a part.
    public var documentCount: Int
  }

  /// How the validation split came about.
  public struct Validation: Sendable, Hashable, Codable {
    /// The ways to choose it.
    public enum Rule: String, Sendable, Hashable, Codable {
      /// There is none.
      case none
      /// Whole documents, by a hash of the seed and the document's number, as many as give the share
      /// of the text; in earlier versions as many as give the share of the documents.
      case documents
      /// The last part of the text, since one document, or few large ones, cannot be split otherwise.
      case position
      /// Files of its own.
      case files
    }
    /// The way that was taken.
    public var rule: Rule
    /// The share that was asked for; nil unless a share was.
    public var fraction: Double?
    /// The seed of the choice.
    public var seed: UInt64
  }

  /// The version of the directory's format.
  public var formatVersion: Int
  /// How a token is stored.
  public var tokenType: TokenType
  /// Every token is below this.
  public var vocabularySize: Int
  /// The token after each document.
  public var endOfText: Int32
  /// SHA-256 of the directory's `tokenizer.json` in hexadecimal.
  public var tokenizerFingerprint: String
  /// Bytes of text, of both splits together, that the tokens stand for.
  public var textByteCount: Int
  /// How the validation split came about.
  public var validation: Validation
  /// The splits by name: `train`, and `validation` where there is one.
  public var splits: [String: Split]

  /// The manifest as the file holds it, with a checksum; the same bytes for the same manifest.
  public func encoded() throws -> Data {
    SealedJSON.sealed(try Document.encoded(self) + Data("\n".utf8))
  }

  /// Reads and checks a manifest; `subject` names it in errors.
  ///
  /// - Throws: ``TextError`` of code `invalidManifest`.
  public init(decoding data: Data, subject: String) throws {
    do {
      let document = try Document(parsing: data)
      try document.check(version: Self.currentFormatVersion...Self.currentFormatVersion)
      self = try document.decode()
    } catch let error as DocumentError where error.code == .unsupportedVersion {
      throw TextError(
        .invalidManifest, error.message, subject: subject,
        remedy: "prepare the text again, or update the program")
    } catch {
      throw TextError(
        .invalidManifest, "is not a manifest of token shards", subject: subject, cause: error,
        remedy: "prepare the text again")
    }
    if let problem = problem() {
      throw TextError(.invalidManifest, "\(problem); prepare the text again", subject: subject)
    }
    // Last, since whatever contradicts itself can be told more exactly.
    guard SealedJSON.isIntact(data) else {
      throw TextError(
        .invalidManifest,
        "was changed or damaged since it was written: its checksum is not that of its text. Put it back "
          + "as it was, or prepare the text again", subject: subject)
    }
  }

  package init(
    tokenType: TokenType, vocabularySize: Int, endOfText: Int32, tokenizerFingerprint: String,
    textByteCount: Int, validation: Validation, splits: [String: Split]
  ) {
    formatVersion = Self.currentFormatVersion
    self.tokenType = tokenType
    self.vocabularySize = vocabularySize
    self.endOfText = endOfText
    self.tokenizerFingerprint = tokenizerFingerprint
    self.textByteCount = textByteCount
    self.validation = validation
    self.splits = splits
  }

  /// What contradicts itself; nil where nothing does.
  private func problem() -> String? {
    let largest = tokenType == .uint16 ? 1 << 16 : Int(Int32.max)
    guard (1...largest).contains(vocabularySize) else {
      return "a vocabulary of \(vocabularySize) does not fit \(tokenType.rawValue)"
    }
    guard endOfText >= 0, endOfText < vocabularySize else {
      return "end-of-text token \(endOfText) is outside the vocabulary of \(vocabularySize)"
    }
    guard textByteCount >= 0 else { return Self.noCount("textByteCount", textByteCount) }
    if let fraction = validation.fraction, !(0...1).contains(fraction) {
      return "validation.fraction is \(fraction); expected 0 to 1"
    }
    guard splits["train"] != nil else { return "it names no split \"train\"" }
    return splits.sorted { $0.key < $1.key }.lazy
      .compactMap { problem(name: $0.key, split: $0.value) }.first
  }

  private static func noCount(_ key: String, _ value: Int) -> String {
    "\(key) is \(value); expected a count of at least 0"
  }

  private func problem(name: String, split: Split) -> String? {
    guard split.documentCount >= 0 else {
      return Self.noCount("splits.\(name).documentCount", split.documentCount)
    }
    var sum = 0
    for shard in split.shards {
      guard shard.documentCount >= 0 else {
        return Self.noCount("documentCount of shard \(shard.file)", shard.documentCount)
      }
      let isPlainName =
        !shard.file.isEmpty && !shard.file.hasPrefix(".")
        && !shard.file.contains(where: { $0 == "/" || $0 == "\0" })
      guard isPlainName else { return "shard \"\(shard.file)\" is not the plain name of a file" }
      let (bytes, tooLarge) = shard.tokenCount.multipliedReportingOverflow(
        by: tokenType.byteWidth)
      let (total, overflow) = sum.addingReportingOverflow(shard.tokenCount)
      guard !tooLarge, !overflow, bytes >= 0 else {
        return "shard \(shard.file) cannot hold \(shard.tokenCount) tokens"
      }
      sum = total
    }
    guard sum == split.tokenCount else {
      return "split \(name) has \(split.tokenCount) tokens, its shards \(sum)"
    }
    return nil
  }
}
