// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Standard output or standard error: whatever the command prints goes through here, so that no
/// failed write is lost.
package struct StandardStream: Sendable {
  let descriptor: Int32
  /// What it is called in messages.
  let name: String

  static let standardOutput = StandardStream(descriptor: STDOUT_FILENO, name: "standard output")
  static let standardError = StandardStream(descriptor: STDERR_FILENO, name: "standard error")

  /// Whether people watch, rather than a file or another program.
  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// Writes a text as it is.
  func write(_ text: String) throws(OutputError) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count >= 0 {
        rest = rest.dropFirst(count)
      } else if errno == EAGAIN {
        var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&wait, 1, -1)
      } else if errno != EINTR {
        throw OutputError(stream: name, errno: errno)
      }
    }
  }

  /// Takes the places of standard streams that the command was started without, so that no file that
  /// it opens gets one of them and is written to by mistake.
  static func reserve() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is this one; a write to it still fails.
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// Files that the command, and the system's libraries below it, hold open at once at least; some of those end
  /// the process where they get none.
  private static let fewestFiles = 16

  /// Whether so few files may be open that the command could not even say so later.
  static var lacksFiles: Bool {
    var opened: [Int32] = []
    defer { opened.forEach { close($0) } }
    while opened.count < fewestFiles {
      let number = open("/dev/null", O_RDONLY | O_CLOEXEC)
      // Another mistake than their number is nothing to files.
      guard number >= 0 else { return errno == EMFILE || errno == ENFILE }
      opened.append(number)
    }
    return false
  }
}

/// Why a text could not be printed.
///
/// The subject is the stream; the remedy says what is there in spite of it.
package typealias OutputError = ModuleError<OutputErrorCode>

/// The kinds of ``OutputError``.
package enum OutputErrorCode: String, Sendable {
  /// Nobody reads any more, as after `| head`, which is no mistake.
  case readerGone
  case unwritable
}

extension OutputError {
  fileprivate init(stream: String, errno number: Int32) {
    self.init(
      number == EPIPE ? .readerGone : .unwritable, "cannot be written: \(systemReason(number))",
      subject: stream, remedy: "the result is lost, print it elsewhere")
  }
}
