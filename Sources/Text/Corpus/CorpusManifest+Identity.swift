// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

extension CorpusManifest {
  /// Tells these tokens from all others: a hash, in hexadecimal, of the tokenizer's and of every
  /// shard's checksum and size.
  ///
  /// Names of files and what is told of the text do not count, so a copy has the same.
  public var identity: String {
    var lines = [
      "tokens \(tokenType.rawValue) \(vocabularySize) \(endOfText) \(tokenizerFingerprint)"
    ]
    for (name, split) in splits.sorted(by: { $0.key < $1.key }) {
      lines.append("split \(name)")
      lines += split.shards.map { "\($0.tokenCount) \($0.sha256)" }
    }
    return FileDigest(of: Data(lines.joined(separator: "\n").utf8)).sha256
  }
}
