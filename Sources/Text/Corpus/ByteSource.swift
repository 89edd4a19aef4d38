// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Bytes that are read once, from their start to their end.
package protocol ByteSource: AnyObject {
  /// Reads some bytes, at most as many as fit; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
  /// Bytes taken so far from the file beneath, before any decompression.
  var fileBytesRead: Int { get }
}

/// The bytes of a file or of standard input.
package final class FileByteSource: ByteSource {
  private let descriptor: Int32
  private let closesDescriptor: Bool
  private let subject: String
  private let idle: () throws -> Void
  private var lookahead: [UInt8] = []
  package private(set) var fileBytesRead = 0

  /// Opens a file, which may also be a pipe.
  ///
  /// `idle` runs every so often while nothing comes, and what it throws ends the wait.
  package init(_ url: URL, idle: @escaping () throws -> Void = {}) throws {
    subject = url.path
    descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
    closesDescriptor = true
    self.idle = idle
    guard descriptor >= 0 else { throw failure("cannot open") }
  }

  /// Reads an open descriptor, which stays open; `idle` is as above.
  package init(
    descriptor: Int32, subject: String, idle: @escaping () throws -> Void = {}
  ) {
    self.descriptor = descriptor
    self.subject = subject
    self.idle = idle
    closesDescriptor = false
  }

  deinit {
    if closesDescriptor && descriptor >= 0 { close(descriptor) }
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    if !lookahead.isEmpty {
      let count = min(lookahead.count, buffer.count)
      buffer.copyBytes(from: lookahead[..<count])
      lookahead.removeFirst(count)
      return count
    }
    return try readDescriptor(into: buffer)
  }

  /// Whether the next two bytes are those that every gzip member begins with.
  package func beginsWithGzipMagic() throws -> Bool {
    while lookahead.count < 2 {
      var byte: UInt8 = 0
      guard try withUnsafeMutableBytes(of: &byte, { try readDescriptor(into: $0) }) == 1
      else { break }
      lookahead.append(byte)
    }
    return lookahead == [0x1f, 0x8b]
  }

  private func readDescriptor(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    guard buffer.count > 0 else { return 0 }
    try waitForBytes()
    while true {
      #if canImport(Darwin)
        let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
      #else
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 {
        fileBytesRead += count
        return count
      }
      guard errno == EINTR else { throw failure("cannot read") }
    }
  }

  private func waitForBytes() throws {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let ready = poll(&request, 1, 200)
      if ready > 0 { return }
      guard ready == 0 || errno == EINTR else { throw failure("cannot wait for") }
      try idle()
    }
  }

  private func failure(_ what: String) -> TextError {
    TextError(
      .unreadableInput, "\(what) it: \(String(cString: strerror(errno)))", subject: subject)
  }
}
