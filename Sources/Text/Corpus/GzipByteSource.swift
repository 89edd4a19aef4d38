// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The bytes that a gzip file (RFC 1952) holds.
///
/// It may have one member or several, with or without extra fields, as in dictzip. Checksums and lengths of all members are verified by zlib.
package final class GzipByteSource: ByteSource {
  private let source: any ByteSource
  private let subject: String
  private let stream: UnsafeMutablePointer<z_stream>
  private let input: UnsafeMutableRawBufferPointer
  private var isBetweenMembers = true
  private var memberCount = 0

  package var fileBytesRead: Int { source.fileBytesRead }

  /// Decompresses `source`, which errors call `subject`.
  package init(_ source: any ByteSource, subject: String) throws {
    self.source = source
    self.subject = subject
    input = .allocate(byteCount: 1 << 17, alignment: 16)
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 bits of window, and 16 for "gzip, not zlib".
    let size = Int32(MemoryLayout<z_stream>.size)
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, size) == Z_OK else {
      throw failure("zlib cannot start")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    input.deallocate()
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let capacity = min(buffer.count, Int(UInt32.max))
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(capacity)
    while stream.pointee.avail_out == UInt32(capacity) && capacity > 0 {
      if stream.pointee.avail_in == 0 { try refill() }
      if isBetweenMembers {
        guard try startMember() else { break }
      }
      guard stream.pointee.avail_in > 0 else {
        throw failure("ends in the middle of its compressed data; get a complete file")
      }
      try inflateSome()
    }
    return capacity - Int(stream.pointee.avail_out)
  }

  private func inflateSome() throws {
    switch inflate(stream, Z_NO_FLUSH) {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isBetweenMembers = true
    default:
      let reason = stream.pointee.msg.map { String(cString: $0) } ?? "unknown damage"
      throw failure("is not intact gzip data (\(reason)); get an undamaged file")
    }
  }

  /// Begins the next member; false at the end of the file.
  ///
  /// Zeros after a member are padding.
  private func startMember() throws -> Bool {
    while stream.pointee.avail_in > 0 {
      if memberCount == 0 || stream.pointee.next_in.pointee != 0 {
        inflateReset(stream)
        memberCount += 1
        isBetweenMembers = false
        return true
      }
      stream.pointee.next_in += 1
      stream.pointee.avail_in -= 1
      if stream.pointee.avail_in == 0 { try refill() }
    }
    guard memberCount > 0 else { throw failure("is empty, not gzip data") }
    return false
  }

  private func refill() throws {
    let count = try source.read(into: input)
    stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = UInt32(count)
  }

  private func failure(_ message: String) -> TextError {
    TextError(.unreadableInput, message, subject: subject)
  }
}
