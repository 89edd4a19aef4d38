// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The kind and the progress of a log's line, which is a record by the rule of all readers.
///
/// The kinds of which a log may have millions are not decoded whole, so that resuming a long run does
/// not wait for its log.
struct LogLine {
  enum Kind { case step, evaluation, event }

  let kind: Kind
  let progress: LoggedProgress
  /// The batch of a step; nil for any other kind.
  let batch: StepBatch?
  /// The event; nil for any other kind.
  let event: EventRecord?
  /// Whether the line of an event is not as it was written.
  private(set) var isChanged = false

  var step: Int { progress.step }

  init(
    _ kind: Kind, _ progress: LoggedProgress, _ batch: StepBatch? = nil, event: EventRecord? = nil
  ) {
    (self.kind, self.progress, self.batch, self.event) = (kind, progress, batch, event)
  }

  /// - Throws: `DecodingError` where the line is no record.
  init(_ line: Data) throws {
    if let plain = PlainLine.read(line) {
      self = plain
      return
    }
    switch try RunRecord(jsonLine: line) {
    case .step(let record):
      self.init(
        .step,
        LoggedProgress(
          step: record.step, tokens: record.tokens, flops: record.flops, seconds: record.seconds),
        StepBatch(sequences: record.sequences, length: record.sequenceLength))
    case .evaluation(let record):
      self.init(
        .evaluation,
        LoggedProgress(
          step: record.step, tokens: record.tokens, flops: record.flops, seconds: record.seconds))
    case .event(let record):
      self.init(
        .event,
        LoggedProgress(
          step: record.step, tokens: record.tokens, flops: record.flops, seconds: record.seconds),
        event: record)
      isChanged = LineChecksum.finding(in: line) == .wrong
    }
  }
}

/// The tokens of a step.
struct StepBatch {
  var sequences: Int
  /// Tokens of each sequence.
  var length: Int
}
