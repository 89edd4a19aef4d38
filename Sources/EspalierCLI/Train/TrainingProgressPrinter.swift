// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Synchronization

/// Tells of a run as it goes: one live line on a terminal, plain lines at growing intervals elsewhere.
final class TrainingProgressPrinter: Sendable {
  private struct State {
    var shownAt = -Double.infinity
    var printedAt = -Double.infinity
    var startedAt = 0.0
    var isFirstStep = true
    var validationLoss: Double?
    var stage: PreparationStage?
    var outline: TrainingRunOutline?
  }

  private let terminal: Terminal
  private let isQuiet: Bool
  private let state = Mutex(State())
  private let clock: @Sendable () -> Double

  /// Makes a printer.
  ///
  /// - Parameter isQuiet: leaves out everything but notes.
  init(
    terminal: Terminal, isQuiet: Bool,
    clock: @escaping @Sendable () -> Double = { ProcessInfo.processInfo.systemUptime }
  ) {
    self.terminal = terminal
    self.isQuiet = isQuiet
    self.clock = clock
    state.withLock { $0.startedAt = clock() }
  }

  /// Takes in what a run tells.
  func handle(_ event: TrainingRunEvent) {
    switch event {
    case .note(let text): terminal.print(text)
    case .warning(let text): warn(text)
    case .damagedCheckpoint(let damaged):
      warn("damaged checkpoint, using the newest whole one before it: \(damaged)")
    case _ where isQuiet: break
    case .preparing(let stage, let share): show(stage, share)
    case .ready(let outline):
      terminal.clear()
      state.withLock { $0.outline = outline }
      Self.lines(outline).forEach(terminal.print)
    case .step(let record, let reading): show(record, reading)
    case .evaluation(let record):
      state.withLock { $0.validationLoss = record.validationLoss }
      terminal.print(
        "step \(record.step)  validation loss \(Readable.loss(record.validationLoss))  "
          + "perplexity \(Readable.count(exp(record.validationLoss)))\(Self.share(record))")
    case .saved(let url, let step):
      terminal.print("step \(step)  saved \(url.lastPathComponent)")
    case .growing(let small, let large, let step):
      terminal.print(
        "step \(step)  growing \(Self.sizes(small)) to \(Self.sizes(large))")
    case .grown(let growth):
      terminal.print(
        "grown: \(growth.operation); loss \(Readable.loss(growth.lossBefore)) before, "
          + "\(Readable.loss(growth.lossAfter)) after"
          + (growth.scheduleRatio.map { "; schedule moved back by \(String(format: "%.2f", $0))" }
            ?? "")
          + (growth.newEntryRate.map { "; new entries at \($0.text)" } ?? ""))
    }
  }

  /// Warnings go to standard error, wherever the rest goes.
  private func warn(_ text: String) {
    terminal.clear()
    Terminal(.standardError).print("warning: \(text)")
  }

  /// Ends the live line.
  func finish() { terminal.clear() }

  private func show(_ stage: PreparationStage, _ share: Double?) {
    let text =
      switch stage {
      case .trainingTokenizer: "training the tokenizer"
      case .encoding: "encoding the text"
      }
    let isNew = state.withLock { state in
      defer { state.stage = stage }
      return state.stage != stage
    }
    if terminal.isInteractive {
      terminal.show(share.map { "\(text)  \(Readable.percent($0))" } ?? text)
    } else if isNew {
      terminal.print(text)
    }
  }

  private func show(_ record: StepRecord, _ reading: ProgressMeter.Reading?) {
    let now = clock()
    let line = state.withLock { state -> (text: String, stays: Bool)? in
      let stays = !terminal.isInteractive && Self.isDue(state, now)
      guard stays || terminal.isInteractive && now - state.shownAt >= 0.1 else { return nil }
      state.shownAt = now
      if stays { state.printedAt = now }
      state.isFirstStep = false
      return (
        Self.line(
          record, reading, outline: state.outline, validationLoss: state.validationLoss), stays
      )
    }
    guard let line else { return }
    if line.stays { terminal.print(line.text) } else { terminal.show(line.text) }
  }

  /// Whether a plain line is due: at once, then every 10 seconds, after 5 minutes every minute.
  private static func isDue(_ state: State, _ now: Double) -> Bool {
    let interval = now - state.startedAt < 300 ? 10.0 : 60
    return state.isFirstStep || now - state.printedAt >= interval
  }

  private static func line(
    _ record: StepRecord, _ reading: ProgressMeter.Reading?, outline: TrainingRunOutline?,
    validationLoss: Double?
  ) -> String {
    var parts = ["step \(record.step)", "loss \(Readable.loss(record.loss))"]
    if case .steps(let total)? = outline?.length { parts[0] += "/\(total)" }
    if let validationLoss { parts.append("validation \(Readable.loss(validationLoss))") }
    guard let reading else { return parts.joined(separator: "  ") }
    parts.append("\(Readable.count(reading.tokensPerSecond)) tokens/s")
    parts.append(
      reading.shareOfPeak.map { "\(Readable.percent($0)) of peak" }
        ?? "\(Readable.scaled(reading.floatingPointOperationsPerSecond))FLOP/s")
    if let done = reading.shareDone { parts.append(Readable.percent(done)) }
    if let left = reading.secondsLeft { parts.append("\(Readable.time(left)) left") }
    return parts.joined(separator: "  ")
  }

  /// How much of the validation text a loss is of.
  private static func share(_ record: EvaluationRecord) -> String {
    guard let all = record.validationTokens else { return "" }
    // The first token is nobody's target.
    return record.targets >= all - 1
      ? "  all \(Readable.count(all)) tokens"
      : "  \(Readable.count(record.targets)) of \(Readable.count(all)) tokens"
  }

  private static func sizes(_ model: ModelConfiguration) -> String {
    "\(Readable.exact(model.layerCount, of: "layer")) × \(model.hiddenSize)"
  }

  private static func lines(_ outline: TrainingRunOutline) -> [String] {
    var lines: [String] = []
    if let stage = outline.stage, let count = outline.stageCount {
      lines.append("stage     \(stage) of \(count)")
    }
    lines += [
      "model     \(Readable.count(outline.parameterCount)) parameters "
        + "(\(Readable.count(outline.parameterCountWithoutEmbeddings)) without embeddings), "
        + "\(Readable.scaled(outline.trainingFLOPsPerToken))FLOPs per token",
      "data      \(Readable.count(outline.trainingTokens)) tokens to train on, "
        + "\(Readable.count(outline.validationTokens)) to validate on",
      "engine    \(outline.engine), \(outline.precision.rawValue)"
        + (outline.peak.map { ", peak \(Readable.scaled($0))FLOP/s" } ?? ""),
    ]
    if let length = outline.length {
      let stage = outline.stageEnd.map { "; this stage ends after \($0) at the latest" } ?? ""
      lines.append("length    \(length)\(stage)")
    }
    if let checkpoint = outline.resumedFrom {
      lines.append("resuming  at step \(outline.step), from \(checkpoint.lastPathComponent)")
    }
    return lines
  }
}
