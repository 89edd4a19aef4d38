// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Tells how far a preparation is: one live line on a terminal, a plain line now and then elsewhere.
final class PreparationProgressPrinter {
  private let terminal: Terminal
  private let isQuiet: Bool
  private let startedAt = ProcessInfo.processInfo.systemUptime
  private var partStartedAt = ProcessInfo.processInfo.systemUptime
  private var shownAt = 0.0

  private static let liveInterval = 0.1
  private static let plainInterval = 10.0

  init(terminal: Terminal, isQuiet: Bool) {
    self.terminal = terminal
    self.isQuiet = isQuiet
  }

  /// Seconds since the start of the work.
  var elapsedSeconds: Double { ProcessInfo.processInfo.systemUptime - startedAt }

  /// Begins a part whose rate and time left are taken by itself.
  func beginPart() {
    partStartedAt = ProcessInfo.processInfo.systemUptime
    shownAt = 0
  }

  /// Shows a part's progress in bytes read, not too often.
  func show(_ part: String, done: Int, total: Int?, tokens: Int?) {
    guard !isQuiet else { return }
    let elapsed = ProcessInfo.processInfo.systemUptime - partStartedAt
    let interval = terminal.isInteractive ? Self.liveInterval : Self.plainInterval
    guard elapsed - shownAt >= interval else { return }
    shownAt = elapsed
    let line = Self.line(part, done: done, total: total, tokens: tokens, elapsed: elapsed)
    if terminal.isInteractive { terminal.show(line) } else { terminal.print(line) }
  }

  /// Removes the live line.
  func finish() { terminal.clear() }

  private static func line(
    _ part: String, done: Int, total: Int?, tokens: Int?, elapsed: Double
  ) -> String {
    var parts = [part]
    let rate = Double(done) / elapsed
    if let total, total > 0 {
      parts.append(Readable.percent(min(1, Double(done) / Double(total))))
      parts.append("\(Readable.bytes(done)) of \(Readable.bytes(total))")
    } else {
      parts.append(Readable.bytes(done))
    }
    if let tokens { parts.append("\(Readable.count(tokens)) tokens") }
    parts.append("\(Readable.bytes(Int(bounding: rate)))/s")
    if let total, rate > 0, done < total {
      parts.append("\(Readable.time(Double(total - done) / rate)) left")
    }
    return parts.joined(separator: "  ")
  }
}
