// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Keeps a second process from training the same run; the system lets go of it when the process
/// ends, however it ends.
final class RunLock {
  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Throws: ``StagingError`` of code `runBusy` where another process has it.
  init(_ directory: RunDirectory) throws {
    let path = directory.lock.path(percentEncoded: false)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw StagingError(
        .runUnavailable, "cannot be written: \(String(cString: strerror(errno)))", subject: path)
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

  deinit { close(descriptor) }
}
