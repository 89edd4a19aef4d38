// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A file or directory under a passing name beside its final place, `.tmp-<16 hex digits>-<name>`.
///
/// Whoever makes one holds its lock while it lives. So a later writer can tell what a killed one
/// left behind (the lock is free) from another's work in progress (the lock is held).
final class TemporarySibling {
  enum Kind { case file, directory }

  /// Where it is now.
  let url: URL
  /// Where it shall be.
  let target: URL
  let descriptor: FileDescriptor
  private var isInPlace = false

  /// Makes the file or directory, and the directories above it.
  init(of target: URL, _ kind: Kind) throws {
    let parent = target.deletingLastPathComponent()
    try makeDirectories(parent)
    removeLeftovers(in: parent)
    do {
      (url, descriptor) = try Self.create(target, kind)
    } catch var error as CheckpointsError {
      // Nobody knows the passing name.
      error.subject = target.path
      throw error
    }
    self.target = target
  }

  private static func create(_ target: URL, _ kind: Kind) throws -> (URL, FileDescriptor) {
    while true {
      let url = siblingURL(of: target, .temporary)
      let descriptor: FileDescriptor
      switch kind {
      case .file:
        descriptor = try FileDescriptor(creating: url)
      case .directory:
        guard mkdir(url.path, 0o777) == 0 else {
          throw CheckpointsError.writing(url, "create", errno: errno)
        }
        do {
          descriptor = try FileDescriptor(url, O_RDONLY)
        } catch  where !FileManager.default.fileExists(atPath: url.path) {
          continue
        }
      }
      // Between its creation and its lock another writer may have taken it for a leftover.
      if descriptor.tryLock() != .heldByAnother, descriptor.isAt(url) { return (url, descriptor) }
    }
  }

  /// Gives it its final name, in one step replacing a file of that name.
  func moveIntoPlace() throws {
    try renameItem(url, to: target)
    isInPlace = true
  }

  deinit {
    if !isInPlace { try? FileManager.default.removeItem(at: url) }
  }
}
