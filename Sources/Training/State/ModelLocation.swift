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
    let url = url.absoluteURL.standardizedFileURL
    if Self.exists(url.appending(path: TrainingStateFiles.configuration)) {
      self.url = url
      hasManifest = Manifest.exists(in: url)
      if hasManifest { try CheckpointDirectory.verify(url, level: level) }
      return
    }
    try Self.checkDirectory(url)
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

  /// Checks that a path can stand for a model, for errors that say what is there instead.
  private static func checkDirectory(_ url: URL) throws {
    var isDirectory: ObjCBool = false
    let path = url.path(percentEncoded: false)
    let files = FileManager.default
    guard files.fileExists(atPath: path, isDirectory: &isDirectory) else {
      let target = try? files.destinationOfSymbolicLink(atPath: path)
      throw missing(
        url,
        (target.map { "is a link to \($0), which is not there" } ?? "does not exist")
          + "; \(expected)")
    }
    guard isDirectory.boolValue else {
      throw missing(
        url,
        "is a file, which holds no model for itself; \(expected). Give the directory that it lies in"
      )
    }
    let file = url.appending(path: TrainingStateFiles.configuration).path(percentEncoded: false)
    if let target = try? files.destinationOfSymbolicLink(atPath: file) {
      throw missing(
        url,
        "holds a \(TrainingStateFiles.configuration) that is a link to \(target), which is not there; "
          + "download the model again, or copy it with its links followed (cp -rL)")
    }
  }

  private static func exists(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.path(percentEncoded: false))
  }

  private static func missing(_ url: URL, _ message: String) -> TrainingError {
    TrainingError(.missingModel, message, subject: url.path(percentEncoded: false))
  }
}
