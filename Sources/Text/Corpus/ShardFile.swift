// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import Wording

/// A shard that is being written: buffered, counted and hashed on the way.
package final class ShardFile {
  private let url: URL
  private let tokenType: TokenType
  private let endOfText: Int32
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var hash = SHA256()
  private var documentCount = 0
  private var isClosed = false
  package private(set) var byteCount = 0

  private static let bufferByteCount = 1 << 18

  /// Creates the file; `flags` are those of `open`.
  package init(
    _ url: URL, tokenType: TokenType, endOfText: Int32,
    flags: Int32 = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
  ) throws {
    self.url = url
    self.tokenType = tokenType
    self.endOfText = endOfText
    descriptor = open(url.path, flags, 0o666)
    guard descriptor >= 0 else { throw failure("created") }
  }

  deinit {
    if !isClosed && descriptor >= 0 { close(descriptor) }
  }

  /// Writes whole tokens.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    byteCount += bytes.count
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferByteCount { try flush() }
  }

  /// Ends the file, safely on disk, and describes it.
  package func finish() throws -> CorpusManifest.Shard {
    try flush()
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("written") }
    isClosed = true
    guard close(descriptor) == 0 else { throw failure("written") }
    return CorpusManifest.Shard(
      file: url.lastPathComponent, tokenCount: byteCount / tokenType.byteWidth,
      documentCount: documentCount, sha256: hash.finalize().hexadecimal)
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { bytes in
      hash.update(bufferPointer: bytes)
      documentCount += tokenType.count(of: endOfText, in: bytes)
      var written = 0
      while written < bytes.count {
        let count = write(
          descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
        if count > 0 {
          written += count
        } else if count == 0 || errno != EINTR {
          throw failure("written")
        }
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private func failure(_ what: String) -> TextError {
    let reason = errno
    let remedy =
      [ENOSPC, EDQUOT].contains(reason)
      ? "; make room, or give a path on another disk. Nothing is left behind" : ""
    return TextError(
      .invalidShard, "cannot be \(what): \(systemReason(reason))\(remedy)",
      subject: url.path)
  }
}

extension Sequence<UInt8> {
  /// Two lower-case digits for each byte.
  package var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in self {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension CorpusManifest {
  /// SHA-256 of bytes in hexadecimal.
  package static func checksum(_ bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    let step = 1 << 24
    for start in stride(from: 0, to: bytes.count, by: step) {
      let end = min(start + step, bytes.count)
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    }
    return hash.finalize().hexadecimal
  }
}
