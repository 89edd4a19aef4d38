// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Lines of JSON, each an object with a string `text`.
package enum JSONLines {
  /// The text of a line, valid UTF-8.
  package struct Document: Sendable, Hashable {
    /// The text.
    package var bytes: [UInt8]
    /// Surrogates that stood alone and became U+FFFD.
    package var replacedSurrogateCount = 0
    /// Bytes of the line.
    package var lineByteCount: Int
    /// The text as a string.
    package var text: String { String(decoding: bytes, as: UTF8.self) }
  }

  /// Why a line gives no text.
  package struct Fault: Error, Hashable {
    /// The kind, by which bad lines are counted.
    package var reason: CorpusPreparation.BadLineReason
    /// What is wrong and where.
    package var message: String

    init(_ reason: CorpusPreparation.BadLineReason, _ message: String) {
      self.reason = reason
      self.message = message
    }

    /// The error of a line in a file.
    ///
    /// - Parameter canSkip: whether whoever reads the file may skip bad lines.
    package func error(subject: String, canSkip: Bool = true) -> TextError {
      TextError(
        .unreadableInput,
        "\(message); expected an object such as {\"text\": \"…\"}. Correct the line"
          + (canSkip ? ", or skip bad lines (--skip-bad-lines)" : ""), subject: subject)
    }
  }

  /// Calls `body` with the number and the text, or the fault, of every line that is not blank.
  package static func forEach(
    in bytes: [UInt8], firstLine: Int, _ body: (Int, Result<Document, Fault>) throws -> Void
  ) throws {
    try bytes.withUnsafeBufferPointer { bytes in
      try forEachLine(in: bytes, firstLine: firstLine) { number, line in
        try body(number, document(in: bytes[line]))
      }
    }
  }

  /// The text of a line, or what is wrong with it.
  package static func document(
    in line: Slice<UnsafeBufferPointer<UInt8>>
  ) -> Result<Document, Fault> {
    JSONLineScanner.document(in: UnsafeBufferPointer(rebasing: line))
  }

  /// Calls `body` with the number and the place of every line that is not blank.
  static func forEachLine(
    in bytes: UnsafeBufferPointer<UInt8>, firstLine: Int,
    _ body: (Int, Range<Int>) throws -> Void
  ) rethrows {
    var number = firstLine
    var start = 0
    while start < bytes.count {
      let end = bytes.firstIndex(of: 0x0a, from: start) ?? bytes.count
      if !bytes[start..<end].allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) {
        try body(number, start..<end)
      }
      number += 1
      start = end + 1
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// Where a byte first stands at or after `start`.
  func firstIndex(of byte: UInt8, from start: Int) -> Int? {
    guard start < count, let base = baseAddress,
      let found = memchr(base + start, Int32(byte), count - start)
    else { return nil }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
  }
}
