// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// What a run's log says of its own completeness: every step once and in order, from the run's first
/// to its last.
///
/// Training writes a log to the disk before each checkpoint, and a run that goes on cuts what lies
/// beyond its state, so that no crash leaves what is found here.
public struct RunLogAudit: Sendable {
  /// Something that no run writes.
  public enum Irregularity: Sendable, Hashable, CustomStringConvertible {
    /// Steps without a record.
    case missing(ClosedRange<Int>)
    /// A line that stands in the log already, or a second record of a step.
    case repeated(line: Int)
    /// A record of an earlier step than the one before it.
    case outOfOrder(line: Int)
    /// A last line that is no record, and no torn one either, since it has its end.
    case damagedEnd(line: Int)

    /// The finding, for people.
    public var description: String {
      switch self {
      case .missing(let steps) where steps.count == 1: "step \(steps.lowerBound) is missing"
      case .missing(let steps):
        "steps \(steps.lowerBound) to \(steps.upperBound) are missing"
      case .repeated(let line): "line \(line) stands twice"
      case .outOfOrder(let line): "line \(line) is out of order"
      case .damagedEnd(let line): "line \(line) is not a record of a run"
      }
    }
  }

  /// The record of a step, and where it stands.
  public struct KeptStep: Sendable, Hashable {
    /// Its line, from 1.
    public var line: Int
    /// The record.
    public var record: StepRecord
    /// The wall time that the next step's record says; nil where there is none.
    public var nextSeconds: Double?
  }

  /// Findings that are kept; a log that is all wrong has as many as lines.
  public static let mostIrregularities = 20

  /// The first irregularities, in the order of the file.
  public private(set) var irregularities: [Irregularity] = []
  /// The last step that has a record; where there is none, that at which the run began.
  public private(set) var lastStep: Int
  /// The furthest step that any record tells of, also one that the run went back behind.
  public private(set) var furthestStep: Int
  /// The last record of a checkpoint that was saved; nil where none was.
  public private(set) var lastCheckpoint: EventRecord?
  /// The record of the step that was asked for.
  public private(set) var record: StepRecord?
  /// The last records of the steps that were to be kept.
  public private(set) var kept: [Int: KeptStep] = [:]
  /// Values that contradict each other, or a line's checksum, in the order of the file.
  public var contradictions: [RunLogContradiction] { progress.contradictions }

  /// Whether a line is not what its checksum says.
  public func isChanged(_ line: Int) -> Bool {
    contradictions.contains { $0.line == line && $0.field == nil }
  }

  private let wanted: Int?
  private let keepsSteps: Set<Int>
  private var progress: ProgressCheck
  private var hasBegun: Bool
  private var previous = Data()
  /// The checksum of the line that the run knows to be its last, until it is found.
  private var missingEnd: Data?

  /// Reads a log; one that does not exist is empty.
  ///
  /// - Parameters:
  ///   - begin: steps that were taken before the run's first; nil for what the first record says.
  ///   - step: the step up to which the log should reach, and whose record is kept; what comes after it
  ///     is not judged. Nil for the log's own end.
  ///   - start: what the run had come to when it began; nil where that is not known.
  ///   - steps: other steps whose records are to be kept.
  ///   - isSealed: whether every line was written with a checksum and that of the line before it;
  ///     otherwise those must have them that come after the first with one.
  ///   - end: the line that the run knows to be its last; nil where it knows none.
  /// - Throws: ``RunLogsError`` of code `damagedLine` where a line before the last is no record.
  public init(
    path: String, begin: Int? = 0, through step: Int? = nil, since start: LoggedProgress? = nil,
    keeping steps: Set<Int> = [], isSealed: Bool = false, endingWith end: LoggedEnd? = nil
  ) throws {
    wanted = step
    missingEnd = end.map { Data($0.checksum.utf8) }
    keepsSteps = steps
    progress = ProgressCheck(since: start, isSealed: isSealed)
    lastStep = min(max(0, begin ?? 0), RunRecord.counts.upperBound)
    furthestStep = lastStep
    hasBegun = begin != nil
    guard FileManager.default.fileExists(atPath: path) else {
      note(missingThrough: step)
      return
    }
    var scanner = try LineScanner(path: path)
    var next = try scanner.next()
    var last = 0
    while let line = next {
      next = try scanner.next()
      do {
        guard line.isWhole else { break }
        try take(line)
        last = line.number
      } catch {
        guard next == nil else { throw RunLogsError(damaged: line, of: path, error) }
        note(.damagedEnd(line: line.number))
      }
    }
    note(missingThrough: step)
    noteMissingEnd(after: last)
  }

  /// Notes that the log lost its last lines, unless its last one is known to be damaged.
  private mutating func noteMissingEnd(after last: Int) {
    guard missingEnd != nil, !isChanged(last) else { return }
    if case .damagedEnd? = irregularities.last { return }
    progress.note(
      line: last, nil, "is not the last that the run wrote: lines after it were taken out")
  }

  private mutating func take(_ line: LineScanner.Line) throws {
    let entry = try LogLine(line.bytes)
    if missingEnd == LineChecksum.digits(in: line.bytes) { missingEnd = nil }
    furthestStep = max(furthestStep, entry.step)
    let told = irregularities.count
    if let event = entry.event { take(event, line.number) }
    if let wanted, entry.step > wanted { return progress.pass(line) }
    defer { previous = line.bytes }
    if line.bytes == previous { return note(.repeated(line: line.number)) }
    let misplacement = progress.take(entry, line)
    defer {
      if let misplacement, irregularities.count == told { progress.note(line, nil, misplacement) }
    }
    try keep(entry, line)
    switch entry.kind {
    case .step:
      if entry.step == wanted, case .step(let step) = try RunRecord(jsonLine: line.bytes) {
        record = step
      }
      takeStep(entry.step, line.number)
    case .evaluation:
      if entry.step < lastStep { note(.outOfOrder(line: line.number)) }
    case .event: break
    }
  }

  private mutating func keep(_ entry: LogLine, _ line: LineScanner.Line) throws {
    guard entry.kind == .step else { return }
    if kept[entry.step - 1]?.nextSeconds == nil {
      kept[entry.step - 1]?.nextSeconds = entry.progress.seconds
    }
    guard keepsSteps.contains(entry.step) else { return }
    guard case .step(let step) = try RunRecord(jsonLine: line.bytes) else { return }
    kept[entry.step] = KeptStep(line: line.number, record: step)
  }

  private mutating func takeStep(_ step: Int, _ line: Int) {
    if !hasBegun { lastStep = step - 1 }
    hasBegun = true
    switch step - lastStep {
    case 1: lastStep = step
    case 2...:
      note(.missing(lastStep + 1...step - 1))
      lastStep = step
    case 0: note(.repeated(line: line))
    default: note(.outOfOrder(line: line))
    }
  }

  private mutating func take(_ event: EventRecord, _ line: Int) {
    if event.event == .checkpoint { lastCheckpoint = event }
    if let wanted, event.step > wanted { return }
    switch event.event {
    case .logGap:
      // What a repair has told already.
      lastStep = max(lastStep, event.step)
    case .checkpoint, .started, .resumed, .interrupted, .stopped, .finished, .nonFiniteLoss,
      .stageStarted, .stageEnded, .grown, .verified:
      break
    default:
      // Another event may tell that the run went back to an earlier step.
      lastStep = min(lastStep, event.step)
    }
    if event.step < lastStep { note(.outOfOrder(line: line)) }
  }

  private mutating func note(missingThrough step: Int?) {
    guard let step, step > lastStep else { return }
    note(.missing(lastStep + 1...step))
  }

  private mutating func note(_ irregularity: Irregularity) {
    guard irregularities.count < Self.mostIrregularities else { return }
    irregularities.append(irregularity)
  }
}

extension RunLogsError {
  init(damaged line: LineScanner.Line, of path: String, _ error: any Error) {
    self.init(
      .damagedLine,
      "is not a record of a run: \(reason(of: error)); take the line out, and the run says which "
        + "steps it has lost",
      subject: "\(path):\(line.number)")
  }
}
