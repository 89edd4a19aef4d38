// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation
import Text
import Wording

/// Where the parts of a run lie.
public struct RunDirectory: Sendable, Hashable {
  /// The directory.
  public let url: URL

  /// Names a run's directory, which need not exist.
  public init(_ url: URL) { self.url = url.absoluteURL.standardizedFileURL }

  /// The recipe as it was given.
  public var recipe: URL { url.appending(path: "recipe.yaml") }
  /// What the recipe does not say: overrides, where its paths start, machines; see ``RunManifest``.
  public var manifest: URL { url.appending(path: "run.json") }
  /// The stages as they were settled when the run began; see ``RunPlan``.
  public var plan: URL { url.appending(path: "plan.json") }
  /// The page that shows the run.
  public var report: URL { url.appending(path: "report.html") }
  /// The records of steps, evaluations and events.
  public var log: URL { url.appending(path: "log.jsonl") }
  /// The saved states.
  public var checkpoints: URL { url.appending(path: "checkpoints", directoryHint: .isDirectory) }
  /// The last state of each stage that was grown, and the receipts of the growths.
  public var stages: URL { url.appending(path: "stages", directoryHint: .isDirectory) }
  /// The directory of a growth's receipt.
  ///
  /// - Parameter number: the stage that ended with it, from 1.
  public func growth(_ number: Int) -> URL {
    stages.appending(path: "growth-\(number)", directoryHint: .isDirectory)
  }
  /// What came after a checkpoint that the user went back to, numbered from 1.
  public var abandoned: URL { url.appending(path: "abandoned", directoryHint: .isDirectory) }
  /// Prepared data, where the recipe names texts.
  public var data: URL { url.appending(path: "data", directoryHint: .isDirectory) }
  /// The tokens that the run made of its recipe's texts; nil where it made none.
  var keptTokens: URL? {
    Self.names(in: data).filter { !$0.hasPrefix(".") }.sorted()
      .map { data.appending(path: $0, directoryHint: .isDirectory) }
      .first { Self.exists($0.appending(path: CorpusManifest.fileName)) }
  }
  /// Held by the process that trains the run.
  var lock: URL { url.appending(path: ".lock") }

  /// Whether there is a run.
  public var holdsRun: Bool { Self.exists(manifest) }

  /// Checks that a new run may be made here.
  ///
  /// - Throws: ``StagingError`` of code `runExists` where there is a run or anything else that it
  ///   would mix with.
  func checkVacant() throws {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory),
      !isDirectory.boolValue
    {
      throw StagingError(
        .runExists, "is a file; name a directory that does not exist, which will be made",
        subject: path)
    }
    guard !holdsRun else {
      throw StagingError(
        .runExists,
        "there is a run here already; continue it with --resume, or choose another directory",
        subject: path)
    }
    // What a run leaves that was killed while it was being made.
    let own: Set = [recipe, plan, data, lock].reduce(into: Set()) {
      $0.insert($1.lastPathComponent)
    }
    let listing = try? FolderListing(of: path)
    let others =
      (listing?.names ?? []).filter { !own.contains($0) && !$0.hasPrefix(".") }
      + (listing?.strangeNames ?? [])
    guard let other = others.min() else { return }
    if other == checkpoints.lastPathComponent { throw missingManifest() }
    throw StagingError(
      .runExists,
      "the directory is not empty (\(other)); choose a new one, which will be made",
      subject: path)
  }

  /// Why there is no run to open, and what to do where one lost its `run.json`.
  func missingManifest() -> StagingError {
    let hasCheckpoints = !Self.names(in: checkpoints).filter { $0.hasPrefix("step-") }.isEmpty
    return StagingError(
      .runUnavailable,
      hasCheckpoints
        ? "there are checkpoints of a run here, but its run.json is gone; put it back, or go on in "
          + "a new run with --continue-from this directory"
        : "there is no run here; expected run.json, which `espalier train` writes",
      subject: path)
  }

  /// Moves what the run has trained aside, so that it can begin anew and nothing is lost.
  ///
  /// - Returns: the directory that holds it now; nil where there was nothing.
  func setTrainingAside() throws -> URL? {
    let parts = [log, checkpoints, stages, report].filter(Self.exists)
    guard !parts.isEmpty else { return nil }
    let aside = vacant("old")
    try makeDirectories(aside)
    for part in parts { try move(part, to: aside.appending(path: part.lastPathComponent)) }
    return aside
  }

  /// Keeps a copy of the log beside it.
  ///
  /// - Returns: the copy.
  func copyLog() throws -> URL {
    let copy = vacant("log-old", extension: ".jsonl")
    // Of a link, the file: the link alone would lead to the log that is about to change.
    let file = log.resolvingSymlinksInPath()
    do { try FileManager.default.copyItem(at: file, to: copy) } catch {
      throw StagingError(
        .unwritableFile, "cannot be written: \(reason(of: error))",
        subject: copy.path(percentEncoded: false))
    }
    return copy
  }

  private func move(_ item: URL, to target: URL) throws {
    do { try FileManager.default.moveItem(at: item, to: target) } catch {
      throw StagingError(
        .unwritableFile, "cannot be moved to \(target.lastPathComponent): \(reason(of: error))",
        subject: item.path(percentEncoded: false))
    }
  }

  /// A name with the first number that nothing has.
  private func vacant(_ name: String, extension suffix: String = "") -> URL {
    var number = 1
    while Self.exists(url.appending(path: "\(name)-\(number)\(suffix)")) { number += 1 }
    return url.appending(path: "\(name)-\(number)\(suffix)")
  }

  var path: String { url.path(percentEncoded: false) }

  private static func exists(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.path(percentEncoded: false))
  }

  static func names(in url: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: url.path(percentEncoded: false))) ?? []
  }
}
