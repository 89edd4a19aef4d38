// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Wording

// Parts of a run are set aside all or none: the folder that takes them is called `….moving` until all are
// there, and what a killed program left of that is put back by the next session.
extension RunDirectory {
  private static let moving = ".moving"

  /// Moves what the run has trained aside, so that it can begin anew and nothing is lost.
  func setTrainingAside() throws {
    let parts = [log, checkpoints, stages, report].filter(Self.exists)
    guard !parts.isEmpty else { return }
    try setAside(parts, to: vacant("old-", in: url))
  }

  /// Moves parts of the run to a new folder.
  ///
  /// - Parameter file: a file that is copied there; one that does not exist is not.
  /// - Returns: the folder.
  /// - Throws: ``StagingError`` of code `unwritableFile`; everything is then where it was.
  @discardableResult
  func setAside(_ parts: [URL], copying file: URL? = nil, to target: URL) throws -> URL {
    let folder = target.deletingLastPathComponent()
      .appending(path: target.lastPathComponent + Self.moving, directoryHint: .isDirectory)
    try makeDirectories(folder)
    var current = folder
    do {
      if let file, Self.exists(file) {
        current = file
        try FileManager.default.copyItem(
          at: file.resolvingSymlinksInPath(), to: folder.appending(path: file.lastPathComponent))
      }
      for part in parts {
        current = part
        try FileManager.default.moveItem(
          at: part, to: folder.appending(path: part.lastPathComponent))
      }
      current = folder
      try FileManager.default.moveItem(at: folder, to: target)
    } catch {
      putBack(folder)
      throw StagingError(
        .unwritableFile,
        "cannot be set aside, in \(target.path(percentEncoded: false)): \(reason(of: error)). "
          + "Everything is where it was",
        subject: current.path(percentEncoded: false))
    }
    return target
  }

  /// Folders of parts of which some were moved when a program was killed.
  var halfMoved: [URL] {
    [url, abandoned].flatMap { folder in
      Self.names(in: folder).filter { $0.hasSuffix(Self.moving) }.sorted()
        .map { folder.appending(path: $0, directoryHint: .isDirectory) }
    }
  }

  /// Puts back what a program had moved that was killed before all was moved.
  ///
  /// - Returns: what to tell of it.
  func putBackHalfMoved() -> [String] {
    halfMoved.map { folder in
      putBack(folder)
      let path = folder.path(percentEncoded: false)
      return Self.exists(folder)
        ? "an earlier command was ended while it set parts of the run aside; what of them is still in \(path) "
          + "has another thing in its place"
        : "an earlier command was ended while it set parts of the run aside; they are back in their places"
    }
  }

  /// Moves the parts in a folder to their places, and removes it where nothing is left in it.
  private func putBack(_ folder: URL) {
    for name in Self.names(in: folder) {
      let (part, home) = (folder.appending(path: name), home(of: name))
      if !Self.exists(home) {
        try? FileManager.default.moveItem(at: part, to: home)
      } else if home == log {
        // A copy, since the log itself never left its place.
        try? FileManager.default.removeItem(at: part)
      }
    }
    if Self.names(in: folder).isEmpty { try? FileManager.default.removeItem(at: folder) }
  }

  /// Where a part of the run belongs.
  private func home(of name: String) -> URL {
    if name.hasPrefix("step-") { return checkpoints.appending(path: name) }
    if name.hasPrefix("stage-") || name.hasPrefix("growth-") { return stages.appending(path: name) }
    return url.appending(path: name)
  }
}
