// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Reads a run's records one by one, however long the log is.
///
///     var reader = try RunLogReader(path: "run/log.jsonl")
///     while let record = try reader.next() { … }
public struct RunLogReader {
  /// What to do with a damaged last line, which a crash or a run still writing leaves.
  public enum DamagedEnd: Sendable {
    /// End before it.
    case skip
    /// Throw, as for any other damaged line.
    case fail
  }

  private let damagedEnd: DamagedEnd
  private var scanner: LineScanner
  private var pending: LineScanner.Line?

  /// Opens a log.
  ///
  /// - Throws: ``RunLogsError`` of code `fileUnavailable`.
  public init(path: String, damagedEnd: DamagedEnd = .skip) throws {
    self.damagedEnd = damagedEnd
    scanner = try LineScanner(path: path)
    pending = try scanner.next()
  }

  /// The next record; nil at the end.
  ///
  /// - Throws: ``RunLogsError`` of code `damagedLine` whose subject is `path:line`.
  public mutating func next() throws -> RunRecord? { try nextLine()?.record }

  /// The next record with its line as it stands; nil at the end.
  mutating func nextLine() throws -> (record: RunRecord, text: Data)? {
    guard let line = pending else { return nil }
    pending = try scanner.next()
    do {
      let record = try RunRecord(jsonLine: line.bytes)
      // Without its newline the line may be the beginning of a longer one.
      guard line.isWhole || damagedEnd == .fail else { return nil }
      return (record, line.bytes)
    } catch {
      if pending == nil, damagedEnd == .skip { return nil }
      throw RunLogsError(damaged: line, of: scanner.path, error)
    }
  }

  /// All records of a log.
  ///
  /// - Throws: ``RunLogsError``.
  public static func records(
    path: String, damagedEnd: DamagedEnd = .skip
  ) throws -> [RunRecord] {
    var reader = try RunLogReader(path: path, damagedEnd: damagedEnd)
    var records: [RunRecord] = []
    while let record = try reader.next() { records.append(record) }
    return records
  }
}
