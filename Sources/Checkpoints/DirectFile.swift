// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A new file that is written at any place, by many threads, past the system's cache where it can be:
/// there a large model costs one more copy of all its bytes, and pushes out what others need.
///
/// Whole pages go to the disk straight from the writer's memory, if that begins as far behind a page's
/// start as its place in the file does. Edges of pages go through the cache, and so does everything
/// where memory lies otherwise or the file system has no such writes.
package final class DirectFile: Sendable {
  /// The system call that writes past the cache; tests put failing ones in its place.
  package typealias DirectWrite = @Sendable (Int32, UnsafeRawPointer, Int, off_t) -> Int

  /// What addresses, lengths and places of direct writes are multiples of; no disk asks for more.
  package static let pageByteCount = 4096

  private let target: URL
  private let byteCount: Int
  nonisolated(unsafe) private let descriptor: FileDescriptor
  nonisolated(unsafe) private let direct: FileDescriptor?
  private let directWrite: DirectWrite

  /// Creates the file.
  ///
  /// - Parameters:
  ///   - url: where it is.
  ///   - target: what errors call it.
  ///   - byteCount: its final size.
  /// - Throws: ``CheckpointsError`` of code `unwritableFile`.
  package init(
    creating url: URL, for target: URL, byteCount: Int,
    directWrite: @escaping DirectWrite = { pwrite($0, $1, $2, $3) }
  ) throws {
    self.target = target
    self.byteCount = byteCount
    self.directWrite = directWrite
    let descriptor = try FileDescriptor(creating: url)
    self.descriptor = descriptor
    // Writes behind the end would wait for each other.
    _ = FileDescriptor.retrying { ftruncate(descriptor.number, off_t(byteCount)) }
    #if canImport(Glibc)
      direct = try? FileDescriptor(url, O_WRONLY | __O_DIRECT)
    #else
      direct = nil
    #endif
    #if canImport(Darwin)
      _ = fcntl(descriptor.number, F_NOCACHE, 1)
    #endif
  }

  /// Writes bytes at a place.
  ///
  /// - Throws: ``CheckpointsError`` of code `outOfSpace` or `unwritableFile`.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    let pages = Self.wholePages(of: bytes, at: offset)
    let written = pages.isEmpty ? 0 : try writeDirectly(bytes, pages, at: offset)
    let done = pages.lowerBound..<pages.lowerBound + written
    try writeThroughCache(bytes, 0..<done.lowerBound, at: offset)
    try writeThroughCache(bytes, done.upperBound..<bytes.count, at: offset)
  }

  /// Waits until everything written is on the disk.
  package func synchronize() throws { try descriptor.synchronize() }

  /// The bytes that fill whole pages both in memory and in the file; an empty range for none.
  package static func wholePages(of bytes: UnsafeRawBufferPointer, at offset: Int) -> Range<Int> {
    let address = Int(bitPattern: bytes.baseAddress)
    guard (address &- offset) % pageByteCount == 0 else { return 0..<0 }
    let first = (pageByteCount - offset % pageByteCount) % pageByteCount
    guard first < bytes.count else { return 0..<0 }
    return first..<first + (bytes.count - first) / pageByteCount * pageByteCount
  }

  /// Writes a range past the cache.
  ///
  /// - Returns: how much of it, whole pages; less than all where the file system refuses.
  private func writeDirectly(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, at offset: Int
  ) throws -> Int {
    guard let direct, let base = bytes.baseAddress else { return 0 }
    var written = 0
    while written < range.count {
      let start = range.lowerBound + written
      let count = FileDescriptor.retrying {
        directWrite(direct.number, base + start, range.count - written, off_t(offset + start))
      }
      if count == -1, errno == EINVAL { break }
      guard count > 0 else { throw failure("write", count == 0 ? EIO : errno, at: offset + start) }
      // After a part of a page the rest is no longer for direct writes.
      written += count / Self.pageByteCount * Self.pageByteCount
      if count % Self.pageByteCount != 0 { break }
    }
    return written
  }

  private func writeThroughCache(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, at offset: Int
  ) throws {
    var start = range.lowerBound
    while start < range.upperBound, let base = bytes.baseAddress {
      let count = FileDescriptor.retrying {
        pwrite(descriptor.number, base + start, range.upperBound - start, off_t(offset + start))
      }
      guard count > 0 else { throw failure("write", count == 0 ? EIO : errno, at: offset + start) }
      start += count
    }
    if range.count >= Self.pageByteCount { startWriting(offset + range.lowerBound, range.count) }
  }

  /// Lets the disk begin, so that the sync at the end has little left to wait for.
  private func startWriting(_ offset: Int, _ count: Int) {
    #if os(Linux)
      // Pages that are dirty when they are said to be no longer needed are written at once.
      _ = posix_fadvise(descriptor.number, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
    #endif
  }

  private func failure(_ action: String, _ code: Int32, at place: Int) -> CheckpointsError {
    .writing(target, action, errno: code, detail: " at byte \(place) of \(byteCount)")
  }
}
