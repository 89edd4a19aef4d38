// SPDX-License-Identifier: Apache-2.0
import Checkpoints
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

  /// Opens a directory: reads the manifest, checks the shards' sizes and the tokenizer's checksum.
  ///
  /// A shard's checksum is compared when its tokens are first read; with `verify`, that of every
  /// shard now, which reads them all.
  ///
  /// - Throws: ``TextError`` of code `invalidManifest` or `damagedShard` that names the file.
  public static func open(_ url: URL, verify: Bool = false) throws -> TokenDataset {
    try open(url, verify: verify, backgroundByteCount: ShardReader.backgroundByteCount)
  }

  /// As above; splits of more than some bytes are compared in the background.
  package static func open(
    _ url: URL, verify: Bool = false, backgroundByteCount: Int
  ) throws -> TokenDataset {
    let dataset = try TokenDataset(url, backgroundByteCount)
    if verify {
      try dataset.train.verify()
      try dataset.validation?.verify()
    }
    return dataset
  }

  private init(_ url: URL, _ backgroundByteCount: Int) throws {
    self.url = url
    let manifestURL = url.appendingPathComponent(CorpusManifest.fileName)
    let manifest = try CorpusManifest(
      decoding: Self.contents(of: manifestURL, code: .invalidManifest), subject: manifestURL.path)
    self.manifest = manifest
    let identity = manifest.identity
    func split(_ name: String) throws -> TokenSplit? {
      try manifest.splits[name].map {
        try TokenSplit(
          name: name, of: manifest, split: $0, identity: identity, directory: url,
          backgroundByteCount: backgroundByteCount)
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

  /// The file of the tokenizer that made the tokens.
  ///
  /// - Throws: ``TextError`` of code `damagedShard` where it cannot be read.
  package func tokenizerData() throws -> Data {
    try Self.contents(of: tokenizerURL, code: .damagedShard)
  }

  private func checkTokenizer() throws {
    let contents = try tokenizerData()
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
      let file = try RandomAccessFile(url)
      let byteCount = try file.mark().byteCount
      guard byteCount <= 1 << 30 else {
        throw CheckpointsError(
          .unreadableFile, "has \(byteCount) bytes, far too many", subject: url.path)
      }
      var data = Data(count: byteCount)
      try data.withUnsafeMutableBytes { try file.read(at: 0, into: $0) }
      return data
    } catch let error as CheckpointsError {
      throw TextError(
        code,
        "\(error.message); expected a directory that `espalier prepare` has written",
        subject: url.path)
    }
  }
}
