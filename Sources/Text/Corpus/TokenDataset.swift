// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A directory of token shards, as ``CorpusPreparation`` writes it.
public struct TokenDataset: Sendable {
  /// The directory.
  public let url: URL
  /// What it holds.
  public let manifest: CorpusManifest
  /// Tokens to train on.
  public let train: TokenSplit
  /// Tokens to validate with; nil where none were kept.
  public let validation: TokenSplit?

  /// The tokenizer that made the tokens.
  public var tokenizerURL: URL { url.appendingPathComponent(CorpusManifest.tokenizerFileName) }

  /// Opens a directory: reads the manifest, maps the shards, checks their sizes and the tokenizer's
  /// checksum; with `verify`, also the checksum of every shard, which reads them all.
  ///
  /// - Throws: ``TextError`` of code `invalidManifest` or `damagedShard` that names the file.
  public static func open(_ url: URL, verify: Bool = false) throws -> TokenDataset {
    let dataset = try TokenDataset(url)
    if verify {
      try dataset.train.verify()
      try dataset.validation?.verify()
    }
    return dataset
  }

  private init(_ url: URL) throws {
    self.url = url
    let manifestURL = url.appendingPathComponent(CorpusManifest.fileName)
    let manifest = try CorpusManifest(
      decoding: Self.contents(of: manifestURL, code: .invalidManifest), subject: manifestURL.path)
    self.manifest = manifest
    func split(_ name: String) throws -> TokenSplit? {
      try manifest.splits[name].map {
        try TokenSplit(
          name: name, manifest: $0, tokenType: manifest.tokenType,
          vocabularySize: manifest.vocabularySize, directory: url)
      }
    }
    guard let train = try split("train") else {
      throw TextError(
        .invalidManifest, "names no split \"train\"", subject: manifestURL.path)
    }
    self.train = train
    validation = try split("validation")
    try checkTokenizer()
  }

  private func checkTokenizer() throws {
    let contents = try Self.contents(of: tokenizerURL, code: .damagedShard)
    let fingerprint = contents.withUnsafeBytes { CorpusManifest.checksum($0) }
    guard fingerprint == manifest.tokenizerFingerprint else {
      throw TextError(
        .damagedShard,
        "is not the tokenizer that made the tokens: its SHA-256 is \(fingerprint), the manifest "
          + "names \(manifest.tokenizerFingerprint); restore it, or prepare the text again",
        subject: tokenizerURL.path)
    }
  }

  private static func contents(of url: URL, code: TextError.Code) throws -> Data {
    do {
      return try Data(contentsOf: url)
    } catch {
      throw TextError(
        code, "cannot be read; expected a directory that `espalier prepare` has written",
        subject: url.path, cause: error)
    }
  }
}
