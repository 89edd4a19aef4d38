// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The kind and the step of a log's line, which is a record by the rule of all readers.
///
/// The kinds of which a log may have millions are not decoded whole, so that resuming a long run does
/// not wait for its log.
struct LogLine {
  enum Kind { case step, evaluation, event }

  let kind: Kind
  let step: Int
  /// The event; nil for any other kind.
  let event: EventRecord?

  /// - Throws: `DecodingError` where the line is no record.
  init(_ line: Data) throws {
    if let plain = PlainLine.read(line) {
      (kind, step, event) = (plain.kind, plain.step, nil)
      return
    }
    let record = try RunRecord(jsonLine: line)
    step = record.step
    switch record {
    case .step: (kind, event) = (.step, nil)
    case .evaluation: (kind, event) = (.evaluation, nil)
    case .event(let record): (kind, event) = (.event, record)
    }
  }
}
