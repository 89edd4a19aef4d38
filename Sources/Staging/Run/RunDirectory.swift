// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Checkpoints
import Foundation
import Reporting
import Text
import Training
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
  /// Where the time of the last session with a profile went; see ``TrainingProfile``.
  public var profile: URL { url.appending(path: "profile.json") }
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
  /// The vocabulary of those tokens; nil where there are none.
  var tokensVocabularySize: Int? { keptTokens.flatMap(CorpusManifest.init(found:))?.vocabularySize }
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
    guard !holdsRun || !hasBegun else {
      throw StagingError(
        .runExists,
        "there is a run here already; continue it with --resume, or choose another directory",
        subject: path)
    }
    // What a run leaves that was killed while it was being made, or that never took a step.
    let parts =
      [recipe, plan, data, lock] + (holdsRun ? [manifest, log, checkpoints, stages] : [])
      + (holdsRun && ReportPage.mayReplace(report) ? [report] : [])
    let own = Set(parts.map(\.lastPathComponent))
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

  /// Whether the run took a step, or anything else was logged or saved of it.
  ///
  /// One that has not, as where its text was not found, may be made anew.
  public var hasBegun: Bool {
    // A link is somebody's own, wherever it leads.
    let attributes = try? FileManager.default.attributesOfItem(
      atPath: log.path(percentEncoded: false))
    let isLogged =
      attributes.map { $0[.type] as? FileAttributeType != .typeRegular || $0[.size] as? Int != 0 }
      ?? false
    return isLogged || ![checkpoints, stages].allSatisfy { Self.names(in: $0).isEmpty }
      || !halfMoved.isEmpty
  }

  /// Removes what makes a directory a run that has not begun; its tokens stay.
  ///
  /// - Throws: ``StagingError`` of code `unwritableFile`.
  func removeUnbegun() throws {
    // First, so that no half of it is taken for a run.
    for file in [manifest, plan] where Self.exists(file) {
      do { try FileManager.default.removeItem(at: file) } catch {
        throw StagingError(
          .unwritableFile, "cannot be replaced: \(reason(of: error))",
          subject: file.path(percentEncoded: false))
      }
    }
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

  /// Why the log is a link without a file at its end, and what kind; nil where it is none.
  var deadLog: String? {
    let path = log.path(percentEncoded: false)
    guard !Self.exists(log),
      (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
    else { return nil }
    var information = stat()
    guard stat(path, &information) != 0 else { return nil }
    return errno == ELOOP
      ? "is a link that leads to itself" : "is a link to a file that is not there"
  }

  /// Keeps a copy of the log beside it.
  ///
  /// - Returns: the copy.
  func copyLog() throws -> URL {
    let copy = vacant("log-old-", in: url, extension: ".jsonl")
    // Of a link, the file: the link alone would lead to the log that is about to change.
    let file = log.resolvingSymlinksInPath()
    do { try FileManager.default.copyItem(at: file, to: copy) } catch {
      throw StagingError(
        .unwritableFile, "cannot be written: \(reason(of: error))",
        subject: copy.path(percentEncoded: false))
    }
    return copy
  }

  /// A name with the first number that nothing has.
  func vacant(_ name: String, in folder: URL, extension suffix: String = "") -> URL {
    var number = 1
    while Self.exists(folder.appending(path: "\(name)\(number)\(suffix)")) { number += 1 }
    return folder.appending(path: "\(name)\(number)\(suffix)")
  }

  var path: String { url.path(percentEncoded: false) }

  static func exists(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.path(percentEncoded: false))
  }

  static func names(in url: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: url.path(percentEncoded: false))) ?? []
  }
}

// What stages leave.
extension RunDirectory {
  /// Whether the user went back behind a checkpoint, which was kept in a numbered folder of `abandoned`.
  func hasSetAside(_ name: String) -> Bool {
    let folder = url.appending(path: "abandoned", directoryHint: .isDirectory)
    return Self.names(in: folder).contains {
      Self.names(in: folder.appending(path: $0)).contains(name)
    }
  }

  /// The last state of a stage.
  struct KeptStage {
    /// The stage, from 1.
    var number: Int
    var url: URL
    /// Steps taken when it was kept.
    var step: Int
  }

  /// The directory with the last state of a stage.
  ///
  /// - Parameter number: the stage, from 1.
  func stage(_ number: Int) -> URL {
    stages.appending(path: "stage-\(number)", directoryHint: .isDirectory)
  }

  /// What is wrong with the receipt of a growth, which a manifest beside it tells; nil for nothing, and
  /// for a receipt of before there were manifests.
  ///
  /// - Parameter number: the stage that ended with the growth, from 1.
  func damage(toReceiptOfGrowth number: Int) -> String? {
    let url = growth(number)
    guard Manifest.exists(in: url) else { return nil }
    let problems = CheckpointDirectory.problems(in: url).map(\.description)
    return problems.isEmpty ? nil : problems.joined(separator: "; ")
  }

  /// What is wrong with receipts of growths, each with its path.
  var receiptProblems: [String] {
    stageNumbers.compactMap { number in
      damage(toReceiptOfGrowth: number).map {
        "\(growth(number).path(percentEncoded: false)): \($0)"
      }
    }
  }

  /// The stages, from 1, whose last state was kept.
  var stageNumbers: [Int] {
    Self.names(in: stages).compactMap { name in
      name.hasPrefix("stage-") ? Int(name.dropFirst("stage-".count)) : nil
    }.sorted()
  }

  /// The newest state of a stage that is whole; nil where none was kept.
  var newestWholeStage: KeptStage? {
    for number in stageNumbers.reversed() {
      let url = stage(number)
      guard CheckpointDirectory.problems(in: url).isEmpty,
        let status = try? TrainingState.status(in: url)
      else { continue }
      return KeptStage(number: number, url: url, step: status.progress.steps)
    }
    return nil
  }
}

extension CorpusManifest {
  /// The manifest of a directory of tokens; nil where it is not found or not sound.
  init?(found directory: URL) {
    let path = directory.appending(path: Self.fileName).path(percentEncoded: false)
    guard let data = try? RegularFile.contents(of: path, atMost: 256 << 20),
      let manifest = try? CorpusManifest(decoding: data, subject: path)
    else { return nil }
    self = manifest
  }
}
