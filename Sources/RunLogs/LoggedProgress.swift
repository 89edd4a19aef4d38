// SPDX-License-Identifier: Apache-2.0

/// How far a run had come, as a line of its log says.
public struct LoggedProgress: Sendable, Hashable {
  /// Optimizer steps taken.
  public var step: Int
  /// Input tokens trained on.
  public var tokens: Int
  /// Floating-point operations of training.
  public var flops: Double
  /// Wall time of training, in seconds.
  public var seconds: Double

  /// Makes a progress; by default the start of a run.
  public init(step: Int = 0, tokens: Int = 0, flops: Double = 0, seconds: Double = 0) {
    self.step = step
    self.tokens = tokens
    self.flops = flops
    self.seconds = seconds
  }
}

/// A line of a log whose numbers contradict the lines before it, or its own checksum.
public struct RunLogContradiction: Sendable, Hashable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// The key whose value it is; nil where all of the line may be wrong.
  public var field: String?
  /// What is wrong with it.
  public var problem: String

  /// Makes a contradiction.
  public init(line: Int, field: String? = nil, _ problem: String) {
    self.line = line
    self.field = field
    self.problem = problem
  }

  /// Line, field and problem, for people.
  public var description: String {
    "line \(line)\(field.map { ", \($0)" } ?? ""): \(problem)"
  }
}

/// Follows the progress that the lines of a log tell of: it rises from line to line, each step adds its
/// own tokens, and a line that was sealed is as it was written, after the one it was written after.
struct ProgressCheck {
  private(set) var contradictions: [RunLogContradiction] = []
  private var last: LoggedProgress?
  private var seals: SealCheck

  /// - Parameters:
  ///   - start: what the run began with; nil where that is not known.
  ///   - isSealed: whether every line was sealed when it was written.
  init(since start: LoggedProgress?, isSealed: Bool) {
    last = start
    seals = SealCheck(isSealed: isSealed)
  }

  /// Goes past a line that is not judged.
  mutating func pass(_ line: LineScanner.Line) { seals.pass(line.bytes) }

  /// Takes in the next line.
  ///
  /// - Returns: what is wrong where it was written after another line than the one before it, which is
  ///   to be noted unless that is told otherwise.
  mutating func take(_ entry: LogLine, _ line: LineScanner.Line) -> String? {
    let problem = seals.problem(in: line.bytes)
    if case .changed(let text) = problem { note(line, nil, text) }
    compare(entry, line)
    return if case .misplaced(let text) = problem { text } else { nil }
  }

  private mutating func compare(_ entry: LogLine, _ line: LineScanner.Line) {
    let progress = entry.progress
    for (field, value) in [("flops", progress.flops), ("seconds", progress.seconds)]
    where !(value.isFinite && value >= 0) {
      note(line, field, value.isNaN ? "is no number" : "\(value) is not possible")
    }
    // The repair of a log does not know what the steps that are lost had come to.
    if entry.event?.event == .logGap {
      last = nil
      return
    }
    // Where steps go back, another check says whether they may.
    guard let last, progress.step >= last.step else {
      self.last = progress
      return
    }
    compare(progress, with: last, entry.batch, line)
    // What a session tells first has the time of its checkpoint, after which the last one told more.
    if !Self.isOfBeginning(entry) { compareSeconds(progress, with: last, line) }
    self.last = progress
    self.last?.seconds = Self.isOfBeginning(entry) ? last.seconds : progress.seconds
  }

  private static func isOfBeginning(_ entry: LogLine) -> Bool {
    [.changed, .continued].contains(entry.event?.event)
  }

  private mutating func compare(
    _ progress: LoggedProgress, with last: LoggedProgress, _ batch: StepBatch?,
    _ line: LineScanner.Line
  ) {
    let isSameStep = progress.step == last.step
    if let batch, progress.step == last.step + 1 {
      let (count, overflow) = batch.sequences.multipliedReportingOverflow(by: batch.length)
      if overflow || progress.tokens - last.tokens != count {
        note(
          line, "tokens",
          "\(progress.tokens) is not the \(last.tokens) before it and the step's \(batch.sequences) "
            + "sequences of \(batch.length)")
      }
    } else if isSameStep ? progress.tokens != last.tokens : progress.tokens < last.tokens {
      note(line, "tokens", Self.comparison(progress.tokens, last.tokens, isSameStep))
    }
    if isSameStep ? progress.flops != last.flops : progress.flops < last.flops {
      note(line, "flops", Self.comparison(progress.flops, last.flops, isSameStep))
    }
  }

  private mutating func compareSeconds(
    _ progress: LoggedProgress, with last: LoggedProgress, _ line: LineScanner.Line
  ) {
    guard progress.seconds < last.seconds else { return }
    note(line, "seconds", Self.comparison(progress.seconds, last.seconds, false))
  }

  private static func comparison<Value: Comparable>(
    _ value: Value, _ last: Value, _ isSameStep: Bool
  ) -> String {
    isSameStep
      ? "\(value) is not the \(last) of the line before, which tells of the same step"
      : "\(value) is less than the \(last) of the line before"
  }

  /// Notes a contradiction.
  mutating func note(_ line: LineScanner.Line, _ field: String?, _ problem: String) {
    note(line: line.number, field, problem)
  }

  /// Notes a contradiction in a line of a number, from 1.
  mutating func note(line: Int, _ field: String?, _ problem: String) {
    guard contradictions.count < RunLogAudit.mostIrregularities else { return }
    contradictions.append(RunLogContradiction(line: line, field: field, problem))
  }
}
