// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors

/// Whether a file system has room, asked before any work is done for what it would not hold.
package enum DiskRoom {
  /// Checks the file system of a path that need not exist yet.
  ///
  /// - Throws: ``CheckpointsError`` of code `outOfSpace`.
  package static func check(_ byteCount: Int, at target: URL) throws {
    guard let free = freeByteCount(at: target), free < byteCount else { return }
    throw CheckpointsError(
      .outOfSpace,
      "needs \(MachineMemory.text(byteCount)), and its disk has \(MachineMemory.text(free)) free; free "
        + "space, or write to another disk",
      subject: target.path)
  }

  /// Bytes that are free for this user; nil where the system does not say.
  private static func freeByteCount(at target: URL) -> Int? {
    var information = statvfs()
    var url = target.absoluteURL.standardizedFileURL
    while statvfs(url.path, &information) != 0 {
      guard url.path != "/" else { return nil }
      url.deleteLastPathComponent()
    }
    let (free, overflow) = Int(clamping: information.f_bavail)
      .multipliedReportingOverflow(by: Int(clamping: information.f_frsize))
    return overflow ? nil : free
  }
}
