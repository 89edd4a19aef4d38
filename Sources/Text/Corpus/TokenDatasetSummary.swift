// SPDX-License-Identifier: Apache-2.0
import Wording

/// What an inspection tells of a directory of token shards.
public struct TokenDatasetSummary: Sendable, Hashable, Codable {
  /// What is known of the checksums.
  public enum ChecksumState: String, Sendable, Hashable, Codable {
    /// They were not compared.
    case unchecked
    /// Every file has the one that the manifest names.
    case intact
    /// At least one file differs.
    case damaged
  }

  /// One split.
  public struct Split: Sendable, Hashable, Codable {
    /// Its name.
    public var name: String
    /// Tokens in it.
    public var tokenCount: Int
    /// Documents of which it holds at least a part.
    public var documentCount: Int
    /// Bytes of its files.
    public var byteCount: Int
    /// Its files, in order.
    public var files: [CorpusManifest.Shard]
    /// What is known of its files' checksums.
    public var checksums: ChecksumState
  }

  /// The directory.
  public var path: String
  /// The version of its format.
  public var formatVersion: Int
  /// How a token is stored.
  public var tokenType: TokenType
  /// Every token is below this.
  public var vocabularySize: Int
  /// The token after each document.
  public var endOfText: Int32
  /// SHA-256 of the tokenizer in hexadecimal.
  public var tokenizerFingerprint: String
  /// Bytes of text that the tokens stand for.
  public var textByteCount: Int
  /// How the validation split came about.
  public var validation: CorpusManifest.Validation
  /// The splits, training first.
  public var splits: [Split]
  /// What is wrong, where something is.
  public var faults: [String]
}

extension TokenDataset {
  /// Describes the directory; with `verify`, compares every checksum and reports what differs.
  public func summary(verify: Bool = false) -> TokenDatasetSummary {
    var faults: [String] = []
    let splits = [train, validation].compactMap { $0 }.map { split in
      var state = TokenDatasetSummary.ChecksumState.unchecked
      if verify {
        do {
          try split.verify()
          state = .intact
        } catch {
          state = .damaged
          faults.append("\(reason(of: error))")
        }
      }
      return TokenDatasetSummary.Split(
        name: split.name, tokenCount: split.tokenCount,
        documentCount: split.manifest.documentCount,
        byteCount: split.tokenCount * manifest.tokenType.byteWidth, files: split.manifest.shards,
        checksums: state)
    }
    return TokenDatasetSummary(
      path: url.path, formatVersion: manifest.formatVersion, tokenType: manifest.tokenType,
      vocabularySize: manifest.vocabularySize, endOfText: manifest.endOfText,
      tokenizerFingerprint: manifest.tokenizerFingerprint, textByteCount: manifest.textByteCount,
      validation: manifest.validation, splits: splits, faults: faults)
  }
}
