// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation

/// Where token shards are to be written.
struct TokensTarget {
  let url: URL
  private let overwrites: Bool

  init(_ url: URL, overwrites: Bool) {
    self.url = url.standardizedFileURL
    self.overwrites = overwrites
  }

  /// Checks that nothing is there, or only what may be replaced: an empty directory, or, where it is
  /// asked for, token shards and nothing else.
  ///
  /// - Throws: ``TextError`` of code `invalidShard`.
  func check() throws {
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    let listing = try? FolderListing(of: url.path)
    if let listing, listing.isEmpty { return }
    guard listing?.names.contains(CorpusManifest.fileName) == true else {
      throw refusal("exists and is not a directory of token shards; give another path")
    }
    guard overwrites else {
      throw refusal("exists; give another path, or replace it (--overwrite)")
    }
    let strangers = DirectoryContents(url).strangers(besides: try knownFiles())
    guard strangers.isEmpty else {
      throw refusal(
        "cannot be replaced, since it holds more than its tokens: "
          + "\(DirectoryContents.list(strangers)); move that away, or give another path")
    }
  }

  private func knownFiles() throws -> Set<String> {
    let manifestURL = url.appendingPathComponent(CorpusManifest.fileName)
    let manifest: CorpusManifest
    do {
      manifest = try CorpusManifest(
        decoding: RegularFile.contents(of: manifestURL.path, atMost: 1 << 30),
        subject: manifestURL.path)
    } catch {
      throw refusal(
        "cannot be replaced, since its \(CorpusManifest.fileName) is not that of tokens, or damaged; "
          + "remove the directory, or give another path")
    }
    let shards = manifest.splits.values.flatMap(\.shards).map(\.file)
    return Set(shards + [CorpusManifest.fileName, CorpusManifest.tokenizerFileName])
  }

  private func refusal(_ message: String) -> TextError {
    TextError(.invalidShard, message, subject: url.path)
  }
}
