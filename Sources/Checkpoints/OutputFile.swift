// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation

/// A file that is hashed while it is written, and that appears, complete and synced, when it is
/// finished; until then a file of the same name stays as it was.
package final class OutputFile {
  /// The system call that writes; tests put failing ones in its place.
  package typealias WriteCall = @Sendable (Int32, UnsafeRawPointer, Int) -> Int

  private static let pieceByteCount = 1 << 20

  private let temporary: TemporarySibling
  private let expectedByteCount: Int?
  private let writeCall: WriteCall
  private var hash = SHA256()
  package private(set) var byteCount = 0

  /// Opens a temporary file beside `url`.
  ///
  /// - Parameter expectedByteCount: the final size, where known, for the words of an error.
  package init(
    _ url: URL, expectedByteCount: Int? = nil,
    writeCall: @escaping WriteCall = { Foundation.write($0, $1, $2) }
  ) throws {
    temporary = try TemporarySibling(of: url, .file)
    self.expectedByteCount = expectedByteCount
    self.writeCall = writeCall
  }

  /// Appends bytes.
  ///
  /// - Throws: ``CheckpointsError`` of code `outOfSpace` or `unwritableFile`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // In pieces, so that hashing finds the bytes still in the cache.
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceByteCount))
      hash.update(bufferPointer: piece)
      try writeFully(piece)
      rest = rest.dropFirst(piece.count)
    }
  }

  private func writeFully(_ piece: UnsafeRawBufferPointer) throws {
    var written = 0
    while written < piece.count, let base = piece.baseAddress {
      let count = FileDescriptor.retrying {
        writeCall(temporary.descriptor.number, base + written, piece.count - written)
      }
      guard count > 0 else { throw failure(errno: count == 0 ? EIO : errno) }
      written += count
      byteCount += count
    }
  }

  private func failure(errno code: Int32) -> CheckpointsError {
    let total = expectedByteCount.map { " of \($0)" } ?? ""
    return .writing(
      temporary.target, "write", errno: code, detail: " after \(byteCount)\(total) bytes")
  }

  /// Syncs the file, gives it its name, and syncs that.
  package func finish() throws -> FileDigest {
    try temporary.descriptor.synchronize()
    try temporary.moveIntoPlace()
    try synchronizeItem(temporary.target.deletingLastPathComponent())
    return FileDigest(byteCount: byteCount, hash)
  }

  /// Writes a small file in one go.
  package static func write(_ data: Data, to url: URL) throws -> FileDigest {
    let file = try OutputFile(url, expectedByteCount: data.count)
    try data.withUnsafeBytes { try file.write($0) }
    return try file.finish()
  }

  /// Writes a small file into a directory that is there: whole or not at all where it is a regular
  /// file, also behind a link; straight to it where it is a device or a pipe, which must not be
  /// replaced.
  ///
  /// - Throws: ``CheckpointsError`` of code `outOfSpace` or `unwritableFile`.
  package static func replace(_ url: URL, with data: Data) throws {
    var information = stat()
    let exists = stat(url.path, &information) == 0
    switch information.st_mode & S_IFMT {
    case S_IFDIR where exists: throw CheckpointsError.writing(url, "write", errno: EISDIR)
    case S_IFREG where exists: _ = try write(data, to: url.resolvingSymlinksInPath())
    case _ where exists: try writeThrough(data, to: url)
    default:
      // A misspelt directory is a mistake, not a wish for another one.
      let parent = url.deletingLastPathComponent().path
      guard stat(parent, &information) == 0 else {
        throw CheckpointsError.writing(url, "write", errno: errno)
      }
      _ = try write(data, to: url)
    }
  }

  private static func writeThrough(_ data: Data, to url: URL) throws {
    let number = FileDescriptor.retrying { open(url.path, O_WRONLY | O_CLOEXEC) }
    guard number >= 0 else { throw CheckpointsError.writing(url, "open", errno: errno) }
    defer { close(number) }
    try data.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while let base = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
        let count = FileDescriptor.retrying { Foundation.write(number, base, rest.count) }
        guard count > 0 else { throw CheckpointsError.writing(url, "write", errno: errno) }
        rest = rest.dropFirst(count)
      }
    }
  }
}
