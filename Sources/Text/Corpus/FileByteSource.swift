// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Bytes that are read once, from their start to their end.
package protocol ByteSource: AnyObject {
  /// Reads some bytes, at most as many as fit; 0 only at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
  /// Bytes taken so far from the file beneath, before any decompression.
  var fileBytesRead: Int { get }
}

/// The bytes of a file, of a pipe or of standard input.
package final class FileByteSource: ByteSource {
  /// How long a pipe that nobody writes to is waited for, in waits of a fifth of a second.
  private static let waitsForWriter = 25

  private let descriptor: Int32
  private let closesDescriptor: Bool
  private let subject: String
  private let idle: () throws -> Void
  /// Whether the file is a pipe that perhaps no program has opened to write.
  private var mayLackWriter = false
  private var early: UInt8?
  package private(set) var fileBytesRead = 0

  /// Opens a regular file or a pipe.
  ///
  /// `idle` runs every so often while nothing comes, and what it throws ends the wait.
  ///
  /// - Throws: ``TextError`` of code `unreadableInput`, also for a folder, a device or a socket.
  package init(_ url: URL, idle: @escaping () throws -> Void = {}) throws {
    subject = url.path
    // O_NONBLOCK: opening a pipe must not wait for its writer.
    descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    closesDescriptor = true
    self.idle = idle
    guard descriptor >= 0 else { throw failure("cannot open") }
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { throw failure("cannot read the kind of") }
    let kind = FileKind(information)
    mayLackWriter = kind == .pipe
    guard kind == .regular || kind == .pipe else { throw kind.isNoText(url.path) }
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
    guard buffer.count > 0 else { return 0 }
    while true {
      try waitForBytes()
      if let early {
        buffer[0] = early
        self.early = nil
        return 1
      }
      let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 {
        fileBytesRead += count
        return count
      }
      guard errno == EINTR || errno == EAGAIN else { throw failure("cannot read") }
    }
  }

  private func waitForBytes() throws {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    var waits = 0
    while early == nil {
      let ready = poll(&request, 1, 200)
      if ready > 0 {
        mayLackWriter = false
        return
      }
      guard ready == 0 || errno == EINTR else { throw failure("cannot wait for") }
      try idle()
      waits += 1
      if mayLackWriter && waits >= Self.waitsForWriter { try lookForWriter() }
    }
  }

  /// Ends the wait for a pipe that no program writes to; the system tells it by an end at once.
  private func lookForWriter() throws {
    var byte: UInt8 = 0
    switch Foundation.read(descriptor, &byte, 1) {
    case 0:
      throw TextError(
        .unreadableInput,
        "is a pipe that no program writes to; start the writer first, or name a file",
        subject: subject)
    case 1:
      early = byte
      fileBytesRead += 1
      mayLackWriter = false
    default: mayLackWriter = errno != EAGAIN
    }
  }

  private func failure(_ what: String) -> TextError {
    TextError(
      .unreadableInput, "\(what) it: \(systemReason(errno))", subject: subject)
  }
}

/// What a path leads to.
package enum FileKind: Sendable, Hashable {
  case regular, folder, pipe, socket, device

  init(_ information: stat) {
    switch information.st_mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .folder
    case S_IFIFO: self = .pipe
    case S_IFSOCK: self = .socket
    default: self = .device
    }
  }

  /// The error for what cannot be a file of text.
  func isNoText(_ path: String) -> TextError {
    let name =
      switch self {
      case .regular: "a file"
      case .folder: "a folder"
      case .pipe: "a pipe"
      case .socket: "a socket"
      case .device: "a device"
      }
    return TextError(
      .unreadableInput,
      "is \(name), not a file of text; name a file or a folder, or - for standard "
        + "input", subject: path)
  }
}
