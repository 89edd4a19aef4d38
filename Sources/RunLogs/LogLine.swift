// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The kind and the step of a log's line.
///
/// The kinds of which a log may have millions are not decoded whole, so that resuming a long run does
/// not wait for its log.
struct LogLine {
  enum Kind { case step, evaluation, event }

  let kind: Kind
  let step: Int

  /// - Throws: `DecodingError` where the line is no record.
  init(_ line: Data) throws {
    for (start, kind) in Self.beginnings
    where line.starts(with: start) && line.last == UInt8(ascii: "}") {
      let digits = line.dropFirst(start.count).prefix { $0 != UInt8(ascii: ",") }
      // Whatever else stands there, the whole record's reader says what is wrong with it.
      guard let step = Int(String(decoding: digits, as: UTF8.self)),
        RunRecord.counts.contains(step)
      else { continue }
      (self.kind, self.step) = (kind, step)
      return
    }
    let record = try RunRecord(jsonLine: line)
    step = record.step
    kind =
      switch record {
      case .step: .step
      case .evaluation: .evaluation
      case .event: .event
      }
  }

  private static let beginnings: [(Data, Kind)] = [
    ("step", Kind.step), ("evaluation", .evaluation),
  ]
  .map { (Data("{\"kind\":\"\($0.0)\",\"step\":".utf8), $0.1) }
}
