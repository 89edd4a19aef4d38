// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CheckedInput
import Checkpoints
import Espalier
import Foundation

/// Files that options name: what cannot be written may be written under another name.
enum NamedFile {
  /// What a command writes, and replaces without being asked.
  enum Kind {
    case page, chart, plan

    /// What a file of this kind is to a user.
    fileprivate var name: String {
      switch self {
      case .page: "a page"
      case .chart: "a chart"
      case .plan: "a plan"
      }
    }

    /// How much of a file tells whether it is of this kind.
    fileprivate var tellingByteCount: Int {
      switch self {
      case .page: ReportPage.markedByteCount
      case .chart: 64
      case .plan: 1 << 30
      }
    }

    fileprivate func isHeld(by data: Data) -> Bool {
      switch self {
      case .page: ReportPage.isPage(String(decoding: data, as: UTF8.self))
      case .chart: data.starts(with: Data("<?xml ".utf8))
      case .plan: (try? StagePlan(json: data, name: "")) != nil
      }
    }
  }

  /// Writes a file whole or not at all, over nothing but a file of its own kind.
  ///
  /// - Throws: `ValidationError` where somebody's other file is in the place: a recipe, a run's log.
  static func write(_ data: Data, to path: String, as kind: Kind) throws {
    let old = (try? RegularFile.open(path)).flatMap {
      try? $0.read(upToCount: kind.tellingByteCount)
    }
    if let old, !old.isEmpty, !kind.isHeld(by: old) {
      throw ValidationError(
        "\(path) is not \(kind.name) that espalier wrote, and is not overwritten; name another file."
      )
    }
    try advising(path) { try OutputFile.replace(URL(filePath: path), with: data) }
  }

  /// Makes a folder where there is none.
  static func makeFolder(_ path: String) throws {
    try advising(path) { try makeDirectories(URL(filePath: path, directoryHint: .isDirectory)) }
  }

  private static func advising(_ path: String, _ body: () throws -> Void) throws {
    do { try body() } catch var error as CheckpointsError {
      error.subject = path
      let folder = URL(filePath: path).deletingLastPathComponent()
      if error.code == .unwritableFile {
        error.remedy =
          FileManager.default.fileExists(atPath: folder.path)
          ? "name another file" : "make the folder \(folder.path) first, or name another file"
      }
      throw error
    }
  }
}
