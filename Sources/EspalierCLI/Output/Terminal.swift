// SPDX-License-Identifier: Apache-2.0
import Foundation
import Synchronization

/// Where a command tells of its progress: lines for the record, and on a terminal one line that is
/// written over and over.
///
/// Progress that cannot be written is no reason to lose the work; results go to ``CommandOutput``.
final class Terminal: Sendable {
  private let stream: StandardStream
  private let liveLine = Mutex("")
  /// Whether people watch on a terminal that knows how to move its cursor.
  let isInteractive: Bool

  /// Makes a terminal of standard output or standard error.
  init(
    _ stream: StandardStream,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.stream = stream
    let kind = environment["TERM"] ?? ""
    isInteractive = stream.isTerminal && !kind.isEmpty && kind != "dumb"
    hasColours = isInteractive && (environment["NO_COLOR"] ?? "").isEmpty
  }

  /// Whether colours may be used (no-color.org).
  let hasColours: Bool

  /// Writes a line that stays, above the live one.
  func print(_ line: String) {
    let line = ShownText.escaped(line, as: .line)
    liveLine.withLock { live in
      write(live.isEmpty ? "\(line)\n" : "\r\u{1B}[K\(line)\n\(live)")
    }
  }

  /// Replaces the live line; nothing where nobody watches.
  func show(_ line: String) {
    guard isInteractive else { return }
    let line = ShownText.escaped(line, as: .line)
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

  private func write(_ text: String) { try? stream.write(text) }

  /// Characters in a line; 80 where nobody watches.
  var width: Int {
    var size = winsize()
    guard ioctl(stream.descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return 80
    }
    return Int(size.ws_col)
  }
}
