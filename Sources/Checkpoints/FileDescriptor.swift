// SPDX-License-Identifier: Apache-2.0
import Foundation

/// An open file or directory, closed with this object; calls that a signal interrupts are repeated.
final class FileDescriptor {
  let url: URL
  let number: Int32

  /// Opens an existing file or directory; a pipe in its place does not wait for its other end.
  init(_ url: URL, _ flags: Int32) throws {
    self.url = url
    number = Self.retrying { open(url.path, flags | O_CLOEXEC | O_NONBLOCK) }
    guard number >= 0 else { throw CheckpointsError.reading(url, "open", errno: errno) }
  }

  /// Makes a new file; an existing one is an error.
  init(creating url: URL) throws {
    self.url = url
    number = Self.retrying { open(url.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
    guard number >= 0 else { throw CheckpointsError.writing(url, "create", errno: errno) }
  }

  deinit { close(number) }

  /// Reads up to the buffer's size; 0 at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = Self.retrying {
      Foundation.read(number, buffer.baseAddress, buffer.count)
    }
    guard count >= 0 else { throw CheckpointsError.reading(url, "read", errno: errno) }
    return count
  }

  /// Waits until everything written is on the disk.
  ///
  /// File systems that cannot sync a directory say so by `EINVAL`, which is not an error.
  func synchronize() throws {
    #if canImport(Darwin)
      // Elsewhere fsync empties the drive's cache as well; here only this does.
      if fcntl(number, F_FULLFSYNC) == 0 { return }
    #endif
    let result = Self.retrying { fsync(number) }
    guard result == 0 || errno == EINVAL else {
      throw CheckpointsError.writing(url, "sync to the disk", errno: errno)
    }
  }

  enum Lock { case taken, heldByAnother, unavailable }

  /// Tries to take the file's advisory lock, which ends with this object or the process; some
  /// network file systems have none.
  func tryLock() -> Lock {
    if Self.retrying({ flock(number, LOCK_EX | LOCK_NB) }) == 0 { return .taken }
    return errno == EWOULDBLOCK ? .heldByAnother : .unavailable
  }

  /// Gives up the lock before this object ends.
  func unlock() { _ = Self.retrying { flock(number, LOCK_UN) } }

  /// Whether a path still leads to this open file.
  func isAt(_ url: URL) -> Bool {
    var here = stat()
    var there = stat()
    return fstat(number, &here) == 0 && lstat(url.path, &there) == 0
      && here.st_ino == there.st_ino && here.st_dev == there.st_dev
  }

  static func retrying<Number: SignedInteger>(_ call: () -> Number) -> Number {
    while true {
      let result = call()
      if result != -1 || errno != EINTR { return result }
    }
  }
}

/// Waits until a file's bytes, or a directory's list of names, are on the disk.
func synchronizeItem(_ url: URL) throws {
  try FileDescriptor(url, O_RDONLY).synchronize()
}

/// Renames a file or directory within its file system.
func renameItem(_ source: URL, to target: URL) throws {
  guard rename(source.path, target.path) == 0 else {
    throw CheckpointsError.writing(
      target, "put \(source.lastPathComponent) in this place", errno: errno)
  }
}

/// Makes a directory and those above it, and syncs the names of the new ones.
package func makeDirectories(_ url: URL) throws {
  if FileManager.default.fileExists(atPath: url.path) { return }
  let parent = url.deletingLastPathComponent()
  if parent.path != url.path { try makeDirectories(parent) }
  guard mkdir(url.path, 0o777) == 0 || errno == EEXIST else {
    throw CheckpointsError.writing(url, "create the directory", errno: errno)
  }
  try synchronizeItem(parent)
}
