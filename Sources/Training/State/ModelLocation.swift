// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

/// The directory with the model that a path stands for: the path's own, or that of a run's newest
/// whole checkpoint.
///
/// The rule is one for all commands. Of a run, or its folder of checkpoints, the newest checkpoint
/// counts whose files all have the checksums of their manifest; newer ones that are damaged are
/// passed over, and ``passedOver`` names them, so that nobody takes an older model for the newest. A
/// checkpoint that is named itself is refused where it is damaged.
public struct ModelLocation: Sendable, Hashable {
  /// The directory, which holds a `config.json`.
  public let url: URL
  /// Whether a ``Manifest`` lists the directory's files.
  public let hasManifest: Bool
  /// Whether every file that the manifest lists was compared with its checksum.
  public let isVerified: Bool
  /// Newer checkpoints of the same run that are damaged, newest first.
  public let passedOver: [PassedOverCheckpoint]

  /// Finds the directory.
  ///
  /// - Parameter level: how closely the files of a directory that is named itself are compared with
  ///   their manifest, where there is one. Checkpoints that have to be chosen among are always
  ///   compared byte by byte.
  /// - Throws: ``TrainingError`` of code `missingModel`; the errors of Checkpoints for files that are
  ///   damaged or cannot be read.
  public init(of url: URL, verifying level: VerificationLevel = .checksums) throws {
    let url = CheckpointStore.resolvingLatest(url).absoluteURL.standardizedFileURL
    if Self.isModel(url) {
      self.url = url
      hasManifest = Self.hasManifest(url)
      isVerified = hasManifest && level == .checksums
      passedOver = []
      if hasManifest { try Self.verify(url, level) }
      return
    }
    try Self.checkDirectory(url)
    let latest = try Self.store(url).latestValid()
    passedOver = latest.damaged.map(PassedOverCheckpoint.init)
    guard let item = latest.item else {
      throw Self.missing(
        url,
        passedOver.first.map { "holds no whole checkpoint (\($0))" }
          ?? "holds no \(TrainingStateFiles.configuration); \(Self.expected)")
    }
    self.url = item.url
    hasManifest = true
    isVerified = true
  }

  private static let expected =
    "expected a checkpoint, a Hugging Face model directory, or a run with a whole checkpoint"

  /// Whether a directory is a model itself, be it one that has lost a file.
  private static func isModel(_ url: URL) -> Bool {
    [TrainingStateFiles.configuration, TrainingStateFiles.state]
      .contains { exists(url.appending(path: $0)) }
  }

  /// A manifest beside a training state is ours, even where its own bytes no longer say so.
  private static func hasManifest(_ url: URL) -> Bool {
    Manifest.exists(in: url)
      || exists(url.appending(path: Manifest.fileName))
        && exists(url.appending(path: TrainingStateFiles.state))
  }

  /// The checkpoints of a run, or of the folder that a run keeps them in.
  private static func store(_ url: URL) throws -> CheckpointStore {
    let folder = CheckpointStore(url)
    if try !folder.list().isEmpty { return folder }
    return CheckpointStore(url.appending(path: "checkpoints", directoryHint: .isDirectory))
  }

  /// Refuses a damaged checkpoint; where a whole one lies beside it, the error names it.
  private static func verify(_ url: URL, _ level: VerificationLevel) throws {
    do {
      try CheckpointDirectory.verify(url, level: level)
    } catch var error as CheckpointsError where error.code == .damagedCheckpoint {
      let others = CheckpointStore(url.deletingLastPathComponent())
      if let whole = try? others.latestValid().item {
        error.message += ". The newest whole checkpoint beside it is \(whole.url.lastPathComponent)"
      }
      throw error
    }
  }

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

/// A damaged checkpoint of a run in whose place an older one was taken.
public struct PassedOverCheckpoint: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The checkpoint's directory.
  public var checkpoint: String
  /// What is wrong with its files.
  public var problems: [String]

  /// Names a damaged checkpoint.
  public init(_ damaged: CheckpointStore.Damaged) {
    checkpoint = damaged.item.url.path(percentEncoded: false)
    problems = damaged.problems.map(\.description)
  }

  /// The checkpoint's name and what is wrong with its files, for people.
  public var description: String {
    "\((checkpoint as NSString).lastPathComponent): \(problems.joined(separator: "; "))"
  }
}
