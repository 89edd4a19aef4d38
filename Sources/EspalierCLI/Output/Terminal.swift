// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Where a command tells of its progress: lines for the record, and on a terminal one line that is
/// written over and over.
final class Terminal: Sendable {
  private let handle: FileHandle
  private let liveLine = Mutex("")
  /// Whether people watch, rather than a file or another program.
  let isInteractive: Bool

  /// Makes a terminal of standard output or standard error.
  init(_ handle: FileHandle) {
    self.handle = handle
    isInteractive =
      isatty(handle.fileDescriptor) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Writes a line that stays, above the live one.
  func print(_ line: String) {
    liveLine.withLock { live in
      write(live.isEmpty ? "\(line)\n" : "\r\u{1B}[K\(line)\n\(live)")
    }
  }

  /// Replaces the live line; nothing where nobody watches.
  func show(_ line: String) {
    guard isInteractive else { return }
    liveLine.withLock { live in
      live = String(line.prefix(max(10, width - 1)))
      write("\r\u{1B}[K\(live)")
    }
  }

  /// Removes the live line.
  func clear() {
    liveLine.withLock { live in
      guard !live.isEmpty else { return }
      live = ""
      write("\r\u{1B}[K")
    }
  }

  /// Leaves the live line where it is and begins a new one.
  func leave() {
    liveLine.withLock { live in
      guard !live.isEmpty else { return }
      live = ""
      write("\n")
    }
  }

  private func write(_ text: String) {
    // A reader that went away is no reason to lose the training.
    try? handle.write(contentsOf: Data(text.utf8))
  }

  /// Characters in a line; 80 where nobody watches.
  var width: Int {
    var size = winsize()
    guard ioctl(handle.fileDescriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return Int(size.ws_col)
  }
}
