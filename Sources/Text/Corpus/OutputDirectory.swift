// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A directory that appears whole, under its name, or not at all.
///
/// Files are written to a hidden sibling, which ``commit()`` renames. A process that is killed
/// leaves at most the sibling, named `.NAME.partial-…`, which may be deleted.
package final class OutputDirectory {
  /// Where files are written until ``commit()``.
  package let temporaryURL: URL
  private let url: URL
  private let overwrites: Bool
  private var isFinished = false

  /// Makes the temporary sibling.
  ///
  /// - Throws: ``TextError`` of code `invalidShard` where `url` exists (unless it is an empty
  ///   directory, or `overwrites` is true and it is a directory of token shards) or the
  ///   sibling cannot be made.
  package init(_ url: URL, overwrites: Bool) throws {
    self.url = url.standardizedFileURL
    self.overwrites = overwrites
    let parent = self.url.deletingLastPathComponent()
    let name = ".\(self.url.lastPathComponent).partial-\(UUID().uuidString.prefix(8))"
    temporaryURL = parent.appendingPathComponent(name, isDirectory: true)
    try checkDestination()
    do {
      try FileManager.default.createDirectory(
        at: temporaryURL, withIntermediateDirectories: true)
    } catch {
      throw TextError(
        .invalidShard, "cannot be created", subject: temporaryURL.path, cause: error)
    }
  }

  deinit { discard() }

  /// Gives the directory its name.
  package func commit() throws {
    try checkDestination()
    try synchronize(temporaryURL)
    var replaced: URL?
    if overwrites && FileManager.default.fileExists(atPath: url.path) {
      let aside = temporaryURL.deletingLastPathComponent().appendingPathComponent(
        temporaryURL.lastPathComponent + "-replaced", isDirectory: true)
      try move(url, to: aside)
      replaced = aside
    }
    do {
      try move(temporaryURL, to: url)
    } catch {
      if let replaced { try? move(replaced, to: url) }
      throw error
    }
    isFinished = true
    if let replaced { try? FileManager.default.removeItem(at: replaced) }
    try synchronize(url.deletingLastPathComponent())
  }

  /// Deletes what was written, unless it was committed.
  package func discard() {
    guard !isFinished else { return }
    isFinished = true
    try? FileManager.default.removeItem(at: temporaryURL)
  }

  private func checkDestination() throws {
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    let contents = try? FileManager.default.contentsOfDirectory(atPath: url.path)
    if contents == [] { return }
    guard contents?.contains(CorpusManifest.fileName) == true else {
      throw TextError(
        .invalidShard, "exists and is not a directory of token shards; give another path",
        subject: url.path)
    }
    guard overwrites else {
      throw TextError(
        .invalidShard, "exists; give another path, or ask for it to be overwritten",
        subject: url.path)
    }
  }

  private func move(_ source: URL, to destination: URL) throws {
    guard rename(source.path, destination.path) == 0 else {
      throw TextError(
        .invalidShard, "cannot be renamed to \(destination.path): \(systemReason())",
        subject: source.path)
    }
  }

  private func synchronize(_ directory: URL) throws {
    let descriptor = open(directory.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // Some file systems cannot sync a directory; that takes nothing from the rename.
    _ = fsync(descriptor)
  }

  private func systemReason() -> String { String(cString: strerror(errno)) }
}
