// SPDX-License-Identifier: Apache-2.0
import Foundation
import Text

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
    let others = Self.names(in: url).filter { !own.contains($0) && !$0.hasPrefix(".") }
    guard let other = others.min() else { return }
    throw StagingError(
      .runExists,
      "the directory is not empty (\(other)); choose a new one, which will be made",
      subject: path)
  }

  var path: String { url.path(percentEncoded: false) }

  private static func exists(_ url: URL) -> Bool {
    FileManager.default.fileExists(atPath: url.path(percentEncoded: false))
  }

  private static func names(in url: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: url.path(percentEncoded: false))) ?? []
  }
}
