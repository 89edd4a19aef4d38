// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Directories that appear whole or not at all.
public enum AtomicDirectory {
  /// Fills a temporary sibling, syncs every file and directory in it, and renames it to `target`.
  ///
  /// A target that exists is moved aside first and removed last; where it is a link, what the link leads
  /// to is replaced, and the link stays. Killed at any moment, this leaves
  /// the old directory or the new one whole: where neither stands at `target`, the old one is put
  /// back by the next writer or by ``recover(in:)``. When `body` or the system fails, the temporary
  /// directory is removed and the target stays as it was.
  ///
  /// - Parameter body: fills the directory it is given.
  /// - Throws: what `body` throws, or ``CheckpointsError`` of code `outOfSpace` or `unwritableFile`.
  public static func write<Result>(
    to target: URL, _ body: (URL) throws -> Result
  ) throws -> Result {
    let target = target.behindLinks
    let temporary = try TemporarySibling(of: target, .directory)
    defer { withExtendedLifetime(temporary) {} }
    let result = try body(temporary.url)
    try synchronizeTree(temporary.url)
    try replace(target, by: temporary.moveIntoPlace)
    return result
  }

  /// Puts back or removes what killed writers left in a directory; never touches the work of one
  /// that lives, nor anything that cannot be told for a leftover by its name.
  public static func recover(in parent: URL) { removeLeftovers(in: parent) }

  /// Syncs a directory beside `target` and gives it that name, in place of what has it.
  static func replace(_ target: URL, with directory: URL) throws {
    try synchronizeTree(directory)
    try replace(target) { try renameItem(directory, to: target) }
  }

  private static func replace(_ target: URL, by moveIntoPlace: () throws -> Void) throws {
    let parent = target.deletingLastPathComponent()
    guard let old = try? FileDescriptor(target, O_RDONLY | O_DIRECTORY) else {
      // Over a file, this rename fails, as it should.
      try moveIntoPlace()
      return try synchronizeItem(parent)
    }
    // The lock keeps others from putting it back while it is aside.
    defer { withExtendedLifetime(old) {} }
    _ = old.tryLock()
    let aside = siblingURL(of: target, .replaced)
    try renameItem(target, to: aside)
    do {
      try moveIntoPlace()
    } catch {
      try? renameItem(aside, to: target)
      throw error
    }
    try synchronizeItem(parent)
    // The new directory is in its place; failing to remove the old one is not a failure.
    try? discard(aside, named: target)
  }

  private static func synchronizeTree(_ directory: URL) throws {
    let contents: [String]
    do {
      contents = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
    } catch {
      throw CheckpointsError(
        .unreadableFile, "cannot list: \(reason(of: error))", subject: directory.path)
    }
    for path in contents {
      let item = directory.appending(path: path)
      var information = stat()
      guard lstat(item.path, &information) == 0 else {
        throw CheckpointsError.reading(item, "read its kind", errno: errno)
      }
      let kind = information.st_mode & S_IFMT
      if kind == S_IFREG || kind == S_IFDIR { try synchronizeItem(item) }
    }
    try synchronizeItem(directory)
  }
}
