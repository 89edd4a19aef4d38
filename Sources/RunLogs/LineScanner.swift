// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Wording

/// The lines of a file, one after the other, without reading it whole.
struct LineScanner {
  /// One line.
  struct Line {
    /// Its number, from 1.
    var number: Int
    /// Its bytes without the newline.
    var bytes: Data
    /// Whether a newline ended it.
    var isTerminated: Bool

    /// Whether nothing of it is missing: its newline was written, or a checksum tells so.
    var isWhole: Bool { isTerminated || LineChecksum.finding(in: bytes) == .intact }
  }

  /// A line longer than this is damage, not a record.
  static let longestLine = 1 << 24

  let path: String
  private let handle: FileHandle
  private var buffer = Data()
  /// Bytes at the buffer's front that were given already.
  private var consumed = 0
  private var number = 0
  private var isAtEnd = false

  init(path: String) throws {
    self.path = path
    do { handle = try RegularFile.open(path) } catch {
      throw RunLogsError(
        .fileUnavailable, "\(error.message); is it the log of a run?", subject: path)
    }
  }

  mutating func next() throws -> Line? {
    var searched = consumed
    while true {
      if let newline = newline(from: searched) {
        let line = buffer.subdata(in: consumed..<newline)
        consumed = newline + 1
        return numbered(line, isTerminated: true)
      }
      if isAtEnd { return rest() }
      guard buffer.count - consumed <= Self.longestLine else {
        throw RunLogsError(
          .damagedLine, "is longer than \(Self.longestLine) bytes, which no record is",
          subject: "\(path):\(number + 1)")
      }
      searched = buffer.count - consumed
      try fill()
    }
  }

  private func newline(from start: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard start < bytes.count, let base = bytes.baseAddress,
        let found = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  /// Drops what was given and reads more.
  private mutating func fill() throws {
    do {
      let chunk = try handle.read(upToCount: 1 << 16) ?? Data()
      isAtEnd = chunk.isEmpty
      buffer = buffer.subdata(in: consumed..<buffer.count) + chunk
      consumed = 0
    } catch {
      throw RunLogsError(.fileUnavailable, "cannot be read: \(reason(of: error))", subject: path)
    }
  }

  private mutating func rest() -> Line? {
    guard consumed < buffer.count else { return nil }
    let line = buffer.subdata(in: consumed..<buffer.count)
    consumed = buffer.count
    return numbered(line, isTerminated: false)
  }

  private mutating func numbered(_ bytes: Data, isTerminated: Bool) -> Line {
    number += 1
    return Line(number: number, bytes: bytes, isTerminated: isTerminated)
  }
}
