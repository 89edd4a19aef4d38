// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

/// A hash of what a run takes of the directory that it begins with: a path alone does not say which
/// model was there.
enum SourceHash {
  /// SHA-256 of the manifest, where one lists every file's own.
  ///
  /// Else it is that of the SHA-256 and the names of the files of weights, configuration and tokenizer; other
  /// files may come and go.
  ///
  /// Cost: without a manifest, all of the weights are read.
  static func of(_ url: URL) throws -> String {
    guard !Manifest.exists(in: url) else {
      return try FileDigest(of: url.appending(path: Manifest.fileName)).sha256
    }
    let lines = try RunDirectory.names(in: url).filter(isTaken).sorted().map { name in
      let file = url.appending(path: name).resolvingSymlinksInPath()
      return "\(try FileDigest(of: file).sha256)  \(name)\n"
    }
    return FileDigest(of: Data(lines.joined().utf8)).sha256
  }

  private static let names: Set = [
    "config.json", "generation_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt",
  ]

  private static func isTaken(_ name: String) -> Bool {
    names.contains(name) || name.hasPrefix("tokenizer") || name.hasSuffix(".safetensors")
      || name.hasSuffix(".safetensors.index.json")
  }
}

extension TrainingRun {
  /// Checks that what the run begins with is what it was when the run was made; nothing for a run that
  /// has states of its own.
  ///
  /// - Throws: ``StagingError`` of code `incompatibleCheckpoint`.
  func checkSource() throws {
    guard let path = manifest.startedFrom, let expected = manifest.sourceHash,
      try CheckpointStore(directory.checkpoints).list().isEmpty,
      FileManager.default.fileExists(atPath: path)
    else { return }
    let found = try SourceHash.of(URL(filePath: path))
    guard found != expected else { return }
    throw StagingError(
      .incompatibleCheckpoint,
      "was changed since the run \(directory.path) was made from it, and the run has no checkpoint of its "
        + "own yet: its SHA-256 is \(found.prefix(12))…, and run.json says \(expected.prefix(12))…. Put it "
        + "back as it was, or begin a new run with it",
      subject: path)
  }
}
