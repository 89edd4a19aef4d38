// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Appends records to a run's log, each sealed by a checksum and that of the line before it, in one write,
/// so that a crash tears at most the last line.
public final class RunLogWriter {
  /// The log's file; where the log is a link, what it leads to.
  public let path: String
  /// The events that were in the log when it was opened, and stayed.
  public let kept: KeptEvents
  private var handle: FileHandle
  /// The checksum of the last line.
  private var last: Data
  /// The checksum of the last line, which the next one repeats.
  public var lastChecksum: String { String(decoding: last, as: UTF8.self) }

  /// Opens a log to append to, and makes it where there is none.
  ///
  /// A torn last line is cut off. With `keepingSteps`, records past that step are cut as well, so
  /// that a run which goes on from a checkpoint logs each step once. Cutting writes a new file and
  /// renames it over the old one.
  ///
  /// - Parameter keepingSteps: the step of the state that the run goes on from; nil keeps all.
  /// - Throws: ``RunLogsError``; of code `damagedLine` where a line before the last is no record.
  public convenience init(path: String, keepingSteps: Int? = nil) throws {
    try self.init(path: path, goingOnAt: RunLogMoment(step: keepingSteps ?? .max))
  }

  /// Opens a log to go on with at a moment of its run.
  ///
  /// A torn last line is cut off, and so is what lies beyond the moment: later steps, and of its own
  /// step the end of a stage and the growth that the state has not come through yet.
  ///
  /// - Parameter end: the line that the run knows to be its last. Where it is gone, the next line is
  ///   written after it all the same: the log then says that it lost lines, until they are put back.
  /// - Throws: as ``init(path:keepingSteps:)``.
  public init(
    path: String, goingOnAt moment: RunLogMoment, after end: LoggedEnd? = nil
  ) throws {
    // A new file must not take the place of a link.
    let path = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
    self.path = path
    let exists = FileManager.default.fileExists(atPath: path)
    let left = exists ? try Self.cut(path, moment, end) : Remainder()
    (kept, last) = (left.kept, left.last)
    handle = try Self.open(path, flags: O_WRONLY | O_APPEND | O_CREAT)
  }

  /// Appends a record; it is in the file (for other processes to see) when this returns.
  ///
  /// - Throws: ``RunLogsError`` of code `fileUnavailable`, for instance on a full disk.
  public func append(_ record: RunRecord) throws {
    let line = LineChecksum.sealed(record.jsonLine, after: last)
    try Self.attempt(path) { try handle.write(contentsOf: line + [UInt8(ascii: "\n")]) }
    last = LineChecksum.digits(in: line)
  }

  /// Cuts records past a step, as a new writer does with `keepingSteps`.
  ///
  /// - Throws: ``RunLogsError``.
  public func cut(keepingSteps: Int) throws {
    last = try Self.cut(path, RunLogMoment(step: keepingSteps), nil).last
    // The file may be another one now.
    handle = try Self.open(path, flags: O_WRONLY | O_APPEND | O_CREAT)
  }

  /// Waits until everything appended is on the disk; call it before saving a state that counts on it.
  ///
  /// - Throws: ``RunLogsError`` of code `fileUnavailable`.
  public func synchronize() throws {
    try Self.attempt(path) { try handle.synchronize() }
  }

  private static func attempt(_ path: String, _ body: () throws -> Void) throws {
    do { try body() } catch {
      throw RunLogsError(.fileUnavailable, "cannot be written: \(reason(of: error))", subject: path)
    }
  }

  private static func open(_ path: String, flags: Int32) throws -> FileHandle {
    let descriptor = Foundation.open(path, flags | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw RunLogsError(
        .fileUnavailable, "cannot be opened for writing: \(systemReason(errno))",
        subject: path)
    }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// Checks that a log can be written to; one that does not exist can.
  ///
  /// - Throws: ``RunLogsError`` of code `fileUnavailable`.
  public static func checkWritable(path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    _ = try open(path, flags: O_WRONLY | O_APPEND)
  }

  /// What is left of a log that was cut.
  private struct Remainder {
    /// The events that stay.
    var kept = KeptEvents()
    /// The checksum of the line that the next one is written after.
    var last = LineChecksum.none
    /// Whether there is anything to cut.
    var needsCut = false
    /// The checksum of the line that is known to be the last and was not found; nil for none.
    var missing: Data?
  }

  /// Rewrites a log without its torn end and without what lies beyond a moment; leaves it alone where
  /// there is nothing to cut.
  private static func cut(
    _ path: String, _ moment: RunLogMoment, _ end: LoggedEnd?
  ) throws -> Remainder {
    var left = try survey(path, moment, end)
    if left.needsCut { left.last = try rewrite(path, moment) }
    if let missing = left.missing { left.last = missing }
    return left
  }

  /// - Returns: the checksum of the last line.
  private static func rewrite(_ path: String, _ moment: RunLogMoment) throws -> Data {
    let temporary = path + ".cut"
    let output = try open(temporary, flags: O_WRONLY | O_CREAT | O_TRUNC)
    var scanner = try LineScanner(path: path)
    var cut = LogCut(moment)
    var chain = LineChain()
    var pending = Data()
    while let line = try scanner.next() {
      guard line.isWhole, let entry = try? LogLine(line.bytes) else { break }
      guard cut.keeps(entry) else {
        chain.drop(line.bytes)
        continue
      }
      pending += chain.keep(line.bytes) + [UInt8(ascii: "\n")]
      guard pending.count > 1 << 20 else { continue }
      try attempt(temporary) { try output.write(contentsOf: pending) }
      pending.removeAll(keepingCapacity: true)
    }
    try attempt(temporary) {
      try output.write(contentsOf: pending)
      try output.synchronize()
      try output.close()
    }
    guard rename(temporary, path) == 0 else {
      throw RunLogsError(
        .fileUnavailable, "cannot be replaced: \(systemReason(errno))", subject: path)
    }
    return chain.last
  }

  /// Whether anything is to be cut, and what stays; also the check that only the end is damaged.
  private static func survey(
    _ path: String, _ moment: RunLogMoment, _ end: LoggedEnd?
  ) throws -> Remainder {
    var scanner = try LineScanner(path: path)
    var cut = LogCut(moment)
    var left = Remainder()
    // Of a line beyond the moment it is no matter whether it is there.
    if let end, end.isPossible, end.step <= moment.step, !moment.isBeginning {
      left.missing = Data(end.checksum.utf8)
    }
    var next = try scanner.next()
    while let line = next {
      next = try scanner.next()
      do {
        let entry = try LogLine(line.bytes)
        if !line.isTerminated || !cut.keeps(entry) { left.needsCut = true }
        left.last = LineChecksum.digits(in: line.bytes)
        if line.isWhole, left.last == left.missing { left.missing = nil }
      } catch {
        guard next == nil else { throw RunLogsError(damaged: line, of: path, error) }
        left.needsCut = true
      }
    }
    left.kept = cut.kept
    return left
  }
}
