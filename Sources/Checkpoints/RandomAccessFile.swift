// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A file that is read in any order into memory of the reader's, by many threads at once.
///
/// What is read passes through the system's cache and counts as nobody's memory, where a mapped
/// file's pages count as the process's own; and a file that is cut short is an error, where touching
/// a mapped page beyond its end ends the process.
package final class RandomAccessFile: Sendable {
  /// Where it is.
  package let url: URL
  nonisolated(unsafe) private let descriptor: FileDescriptor

  /// What tells whether a file may have changed since it was last looked at.
  package struct Mark: Sendable, Hashable {
    /// Bytes in the file.
    package let byteCount: Int
    private let device: UInt64
    private let inode: UInt64
    private let seconds: Int
    private let nanoseconds: Int

    fileprivate init(_ information: stat) {
      byteCount = Int(information.st_size)
      device = UInt64(truncatingIfNeeded: information.st_dev)
      inode = UInt64(truncatingIfNeeded: information.st_ino)
      #if canImport(Darwin)
        let time = information.st_mtimespec
      #else
        let time = information.st_mtim
      #endif
      (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec))
    }
  }

  /// Opens a regular file.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile`.
  package init(_ url: URL) throws {
    self.url = url
    // O_NONBLOCK: opening a pipe must fail, not wait for its writer.
    descriptor = try FileDescriptor(url, O_RDONLY)
    guard try Self.information(descriptor).st_mode & S_IFMT == S_IFREG else {
      throw CheckpointsError(.unreadableFile, "is not a regular file", subject: url.path)
    }
  }

  /// The file's size, identity and date as they are now.
  package func mark() throws -> Mark { Mark(try Self.information(descriptor)) }

  private static func information(_ descriptor: FileDescriptor) throws -> stat {
    var information = stat()
    guard fstat(descriptor.number, &information) == 0 else {
      throw CheckpointsError.reading(descriptor.url, "read its size", errno: errno)
    }
    return information
  }

  /// Tells the system that bytes will be read soon, which it may heed.
  package func announce(_ range: Range<Int>) {
    #if canImport(Glibc)
      _ = posix_fadvise(
        descriptor.number, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
    #endif
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
