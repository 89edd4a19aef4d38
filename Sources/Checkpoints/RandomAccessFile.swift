// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A file that is read in any order into memory of the reader's, by many threads at once.
///
/// What is read passes through the system's cache and counts as nobody's memory, where a mapped
/// file's pages count as the process's own.
package final class RandomAccessFile: Sendable {
  /// Where it is.
  package let url: URL
  nonisolated(unsafe) private let descriptor: FileDescriptor

  /// Opens a file.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile`.
  package init(_ url: URL) throws {
    self.url = url
    descriptor = try FileDescriptor(url, O_RDONLY | O_NONBLOCK)
  }

  /// Fills a buffer with the bytes from `offset` on.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile` where the system refuses or the file
  ///   ends before.
  package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      let count = FileDescriptor.retrying {
        pread(descriptor.number, base + done, buffer.count - done, off_t(offset + done))
      }
      guard count >= 0 else { throw CheckpointsError.reading(url, "read", errno: errno) }
      guard count > 0 else {
        throw CheckpointsError(
          .unreadableFile, "ends at byte \(offset + done); it was cut short while it was read",
          subject: url.path)
      }
      done += count
    }
  }
}
