// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation

/// Tells how far an evaluation has come: a live line on a terminal, a plain one now and then
/// elsewhere.
final class EvaluationProgressPrinter {
  private let terminal: Terminal
  private let isQuiet: Bool
  private var part = ""
  private var startedAt = 0.0
  private var shownAt = 0.0

  init(terminal: Terminal, isQuiet: Bool) {
    self.terminal = terminal
    self.isQuiet = isQuiet
  }

  /// Shows a part's progress, not too often.
  func show(_ part: String, _ progress: EvaluationProgress) {
    guard !isQuiet else { return }
    let now = ProcessInfo.processInfo.systemUptime
    if part != self.part {
      self.part = part
      startedAt = now
      shownAt = now
    }
    guard now - shownAt >= (terminal.isInteractive ? 0.1 : 30) else { return }
    shownAt = now
    let line = Self.line(part, progress, elapsed: now - startedAt)
    if terminal.isInteractive { terminal.show(line) } else { terminal.print(line) }
  }

  /// Removes the live line.
  func finish() { terminal.clear() }

  private static func line(
    _ part: String, _ progress: EvaluationProgress, elapsed: Double
  ) -> String {
    guard progress.done > 0, progress.total > 0 else { return part }
    let share = Double(progress.done) / Double(progress.total)
    let left = elapsed / share - elapsed
    return "\(part)  \(Readable.percent(share))  \(Readable.time(left)) left"
  }
}
