// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Keeps a second process from training the same run; the system lets go of it when the process
/// ends, however it ends.
final class RunLock {
  private let descriptor: Int32
  private let directory: RunDirectory

  /// Takes the lock.
  ///
  /// - Throws: ``StagingError`` of code `runBusy` where another process has it.
  init(_ directory: RunDirectory) throws {
    self.directory = directory
    let path = directory.lock.path(percentEncoded: false)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StagingError(
        .runUnavailable, "cannot be written: \(systemReason(errno))", subject: path)
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      // A file system without locks trains all the same.
      guard errno == EWOULDBLOCK else { return }
      close(descriptor)
      throw StagingError(
        .runBusy, "another process is training this run; wait for it or stop it",
        subject: directory.path)
    }
  }

  /// Checks that the run is still where it was: moved away, it would mix what is saved with a run that
  /// has taken its place.
  ///
  /// - Throws: ``StagingError`` of code `runUnavailable`.
  func checkIsInPlace() throws {
    var (held, found) = (stat(), stat())
    guard fstat(descriptor, &held) == 0 else { return }
    let path = directory.lock.path(percentEncoded: false)
    guard stat(path, &found) == 0, held.st_dev == found.st_dev, held.st_ino == found.st_ino else {
      throw StagingError(
        .runUnavailable,
        "is no longer the directory that this training began in: it was moved, removed or replaced. "
          + "Nothing more is saved here; go on from the newest checkpoint, where the directory is now",
        subject: directory.path)
    }
  }

  deinit { close(descriptor) }
}
