// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Espalier
import Foundation

/// Tells how far a growth is: one live line on a terminal, a plain line now and then elsewhere.
final class GrowthProgressPrinter {
  private let terminal: Terminal
  private let isQuiet: Bool
  /// What is being done, as the line begins.
  private let work: String
  private let startedAt = ProcessInfo.processInfo.systemUptime
  private var shownAt = 0.0
  /// Bytes that an earlier process had written.
  private var resumedByteCount: Int?

  private static let liveInterval = 0.1
  private static let plainInterval = 10.0

  init(terminal: Terminal, isQuiet: Bool, work: String) {
    self.terminal = terminal
    self.isQuiet = isQuiet
    self.work = work
  }

  /// Seconds since the start of the work.
  var elapsedSeconds: Double { ProcessInfo.processInfo.systemUptime - startedAt }

  /// Shows the progress, not too often.
  func show(_ progress: ModelGrowth.Progress) {
    let resumed = resumedByteCount ?? progress.doneByteCount
    resumedByteCount = resumed
    guard !isQuiet else { return }
    let elapsed = elapsedSeconds
    let interval = terminal.isInteractive ? Self.liveInterval : Self.plainInterval
    guard elapsed - shownAt >= interval else { return }
    shownAt = elapsed
    let line = line(progress, resumed: resumed, elapsed: elapsed)
    if terminal.isInteractive { terminal.show(line) } else { terminal.print(line) }
  }

  /// Removes the live line.
  func finish() { terminal.clear() }

  private func line(
    _ progress: ModelGrowth.Progress, resumed: Int, elapsed: Double
  ) -> String {
    switch progress.stage {
    case .checking: return "Comparing the source's checksums…"
    case .completing: return "Completing…"
    case .growing: break
    }
    let (done, total) = (progress.doneByteCount, progress.byteCount)
    var parts = [
      work, Readable.percent(total == 0 ? 1 : Double(done) / Double(total)),
      "\(Readable.bytes(done)) of \(Readable.bytes(total))",
    ]
    let rate = Double(done - resumed) / max(elapsed, 1e-3)
    if rate > 0 {
      parts.append("\(Readable.bytes(Int(bounding: rate)))/s")
      parts.append("\(Readable.time(Double(total - done) / rate)) left")
    }
    return parts.joined(separator: "  ")
  }
}
