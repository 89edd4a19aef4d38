// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import Synchronization
import Wording

/// A file's size and SHA-256: what is needed to find it damaged.
public struct FileDigest: Sendable, Hashable {
  /// The file's length.
  public let byteCount: Int
  /// 64 lower-case hexadecimal digits.
  public let sha256: String

  /// Makes a digest from known values.
  public init(byteCount: Int, sha256: String) {
    self.byteCount = byteCount
    self.sha256 = sha256
  }

  init(byteCount: Int, _ hash: SHA256) {
    self.init(byteCount: byteCount, sha256: Hexadecimal.text(hash.finalize()))
  }

  /// The digest of bytes in memory.
  public init(of data: Data) {
    var hash = SHA256()
    hash.update(data: data)
    self.init(byteCount: data.count, hash)
  }

  /// Reads a file from end to end, a mebibyte at a time.
  ///
  /// - Throws: ``CheckpointsError`` of code `unreadableFile`.
  public init(of file: URL) throws {
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    let descriptor = try FileDescriptor(file, O_RDONLY)
    var information = stat()
    guard fstat(descriptor.number, &information) == 0, information.st_mode & S_IFMT == S_IFREG
    else {
      throw CheckpointsError(.unreadableFile, "is not a regular file", subject: file.path)
    }
    var hash = SHA256()
    var byteCount = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = try descriptor.read(into: buffer)
      if count == 0 { break }
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      byteCount += count
    }
    self.init(byteCount: byteCount, hash)
  }

  /// Digests of several files, on all cores.
  package static func ofAll(_ files: [URL]) -> [Swift.Result<FileDigest, any Error>] {
    let results = Mutex<[Int: Swift.Result<FileDigest, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      let result = Swift.Result { try FileDigest(of: files[index]) }
      results.withLock { $0[index] = result }
    }
    return results.withLock { found in files.indices.compactMap { found[$0] } }
  }
}
