// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Puts a log in order whose lines somebody lost, doubled or shuffled.
public enum RunLogRepair {
  /// Rewrites a log: records in the order of their steps, each once, and an event `logGap` where steps
  /// are missing, so that the log tells of the gap from then on.
  ///
  /// The new file takes the old one's place in one rename; whoever wants the old one copies it before.
  ///
  /// - Parameters:
  ///   - begin: steps that were taken before the run's first; nil for what the first record says.
  ///   - step: the step up to which the log should reach; what comes after is left out.
  /// - Throws: ``RunLogsError``.
  public static func repair(path: String, begin: Int?, through step: Int) throws {
    var lines: [Line] = []
    if FileManager.default.fileExists(atPath: path) {
      var reader = try RunLogReader(path: path)
      while let (record, text) = try reader.nextLine() {
        if record.step <= step {
          lines.append(Line(record: record, text: text, place: lines.count))
        }
      }
    }
    let text = sealed(mended(lines, begin: begin, through: step)).map { $0 + Data("\n".utf8) }
    // A log that is kept elsewhere stays there.
    let file = URL(filePath: path).resolvingSymlinksInPath()
    do { try Data(text.joined()).write(to: file, options: .atomic) } catch {
      throw RunLogsError(
        .fileUnavailable, "cannot be written: \(reason(of: error))", subject: path)
    }
  }

  /// A record with the line that it was read from.
  private struct Line {
    var record: RunRecord
    /// The line as it stands, and its place; nil for a line of the repair's own.
    var text: Data?
    var place: Int?
  }

  /// The lines to be written: as they were, but where the repair itself put another line before one.
  private static func sealed(_ lines: [Line]) -> [Data] {
    var chain = LineChain()
    var next: Int? = 0
    return lines.map { line in
      defer { next = line.place.map { $0 + 1 } }
      guard let text = line.text else { return chain.add(line.record) }
      return chain.keep(text, isJoint: line.place != next)
    }
  }

  private static func mended(_ lines: [Line], begin: Int?, through end: Int) -> [Line] {
    var result: [Line] = []
    var seen = Set<RunRecord>()
    var last = begin ?? firstStep(of: lines).map { $0 - 1 } ?? 0
    // Sorting keeps equal elements apart by their place, so that events stay where they belong.
    let sorted = lines.enumerated().sorted {
      ($0.element.record.step, $0.offset) < ($1.element.record.step, $1.offset)
    }
    for line in sorted.map(\.element) where seen.insert(line.record).inserted {
      switch line.record {
      case .step(let step):
        if step.step <= last { continue }
        if step.step > last + 1 { result.append(gap(last + 1...step.step - 1, before: step)) }
        last = step.step
      case .event(let event) where event.event == .logGap: last = max(last, event.step)
      case .event, .evaluation: break
      }
      result.append(line)
    }
    if end > last {
      result.append(gap(last + 1...end, before: nil, after: result.last?.record))
    }
    return result
  }

  private static func firstStep(of lines: [Line]) -> Int? {
    lines.compactMap { if case .step(let step) = $0.record { step.step } else { nil } }.min()
  }

  private static func gap(
    _ steps: ClosedRange<Int>, before next: StepRecord?, after last: RunRecord? = nil
  ) -> Line {
    var event = EventRecord(
      event: .logGap, step: steps.upperBound, tokens: next?.tokens ?? last?.tokens ?? 0,
      flops: next?.flops ?? last?.flops ?? 0, seconds: next?.seconds ?? last?.seconds ?? 0)
    event.details = ["from": .integer(steps.lowerBound), "through": .integer(steps.upperBound)]
    return Line(record: .event(event))
  }
}

extension RunRecord {
  fileprivate var tokens: Int {
    switch self {
    case .step(let record): record.tokens
    case .evaluation(let record): record.tokens
    case .event(let record): record.tokens
    }
  }

  fileprivate var flops: Double {
    switch self {
    case .step(let record): record.flops
    case .evaluation(let record): record.flops
    case .event(let record): record.flops
    }
  }

  fileprivate var seconds: Double {
    switch self {
    case .step(let record): record.seconds
    case .evaluation(let record): record.seconds
    case .event(let record): record.seconds
    }
  }
}
