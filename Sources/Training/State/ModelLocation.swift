// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

/// The directory with the model that a path stands for: the path's own, or that of a run's newest
/// whole checkpoint.
public struct ModelLocation: Sendable, Hashable {
  /// The directory, which holds a `config.json`.
  public let url: URL
  /// Whether a ``Manifest`` lists the directory's files.
  public let hasManifest: Bool

  /// Finds the directory.
  ///
  /// - Parameter level: how closely files are compared with their manifest, where there is one.
  /// - Throws: ``TrainingError`` of code `missingModel`; the errors of Checkpoints for files that are
  ///   damaged or cannot be read.
  public init(of url: URL, verifying level: VerificationLevel = .checksums) throws {
    let url = CheckpointStore.resolvingLatest(url)
    if Self.exists(url.appending(path: TrainingStateFiles.configuration)) {
      self.url = url
      hasManifest = Manifest.exists(in: url)
      if hasManifest { try CheckpointDirectory.verify(url, level: level) }
      return
    }
    guard Self.exists(url) else { throw Self.missing(url, "does not exist; \(Self.expected)") }
    let checkpoints = url.appending(path: "checkpoints", directoryHint: .isDirectory)
    let latest = try CheckpointStore(checkpoints).latestValid(level: level)
    guard let item = latest.item else {
      throw Self.missing(
        url,
        latest.damaged.first.map { "holds no whole checkpoint (\($0))" }
          ?? "holds no \(TrainingStateFiles.configuration); \(Self.expected)")
    }
    self.url = item.url
    hasManifest = true
  }

  private static let expected =
    "expected a checkpoint, a Hugging Face model directory, or a run with a whole checkpoint"

  private static func exists(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.path(percentEncoded: false))
  }

  private static func missing(_ url: URL, _ message: String) -> TrainingError {
    TrainingError(.missingModel, message, subject: url.path(percentEncoded: false))
  }
}
