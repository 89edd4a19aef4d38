// SPDX-License-Identifier: Apache-2.0

/// Lines of JSON among which at least one is long: the others come as lines, the long ones' text in
/// parts.
struct LongLines {
  private let subject: String
  private let limits: CorpusReader.Limits
  private var bytes: [UInt8]
  /// Where `bytes` begin in the input.
  private var offset: Int
  private var line: Int
  private var document: LongDocument?

  init(
    _ bytes: [UInt8], of subject: String, offset: Int, firstLine: Int, limits: CorpusReader.Limits
  ) {
    self.bytes = bytes
    self.subject = subject
    self.offset = offset
    line = firstLine
    self.limits = limits
  }

  mutating func next() -> CorpusPiece? {
    while true {
      if let piece = document?.next() { return piece }
      document = nil
      if bytes.isEmpty { return nil }
      let end = firstLineEnd()
      if end <= limits.pieceByteCount { return shortLines(firstEnd: end) }
      if let piece = beginDocument(end) { return piece }
    }
  }

  /// Where the first line ends, behind its line feed.
  private func firstLineEnd(from start: Int = 0) -> Int {
    bytes.withUnsafeBufferPointer { $0.firstIndex(of: 0x0a, from: start).map { $0 + 1 } }
      ?? bytes.count
  }

  private mutating func shortLines(firstEnd: Int) -> CorpusPiece {
    var end = firstEnd
    while end < bytes.count {
      let next = firstLineEnd(from: end)
      guard next <= limits.pieceByteCount else { break }
      end = next
    }
    let (first, start) = (line, offset)
    let taken = take(end)
    return CorpusPiece(
      subject: subject, content: .lines(first: first), bytes: taken, offset: start)
  }

  /// Reads a long line; a piece where it holds no text.
  private mutating func beginDocument(_ end: Int) -> CorpusPiece? {
    let (number, start) = (line, offset)
    let taken = take(end)
    let isBlank = taken.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d || $0 == 0x0a }
    if isBlank { return nil }
    let result = taken.withUnsafeBufferPointer { JSONLines.document(in: $0[...]) }
    let name = "\(subject):\(number)"
    switch result {
    case .success(let text):
      document = LongDocument(text, of: name, offset: start, limits: limits)
      return nil
    case .failure(let fault):
      return CorpusPiece(
        subject: name, content: .badLine(fault), bytes: [], offset: start)
    }
  }

  private mutating func take(_ count: Int) -> [UInt8] {
    let taken: [UInt8]
    if count == bytes.count {
      taken = bytes
      bytes = []
    } else {
      taken = Array(bytes[..<count])
      bytes.removeSubrange(..<count)
    }
    offset += count
    line += taken.count(where: { $0 == 0x0a })
    return taken
  }
}

/// The text of a long line, cut where a file's is.
private struct LongDocument {
  private let subject: String
  private let limits: CorpusReader.Limits
  private let text: JSONLines.Document
  private let offset: Int
  private var start = 0
  private var isOver = false

  init(
    _ text: JSONLines.Document, of subject: String, offset: Int, limits: CorpusReader.Limits
  ) {
    self.text = text
    self.subject = subject
    self.offset = offset
    self.limits = limits
  }

  mutating func next() -> CorpusPiece? {
    if isOver { return nil }
    let count = partByteCount()
    let isFirst = start == 0
    isOver = start + count == text.bytes.count
    defer { start += count }
    return CorpusPiece(
      subject: subject, content: .text(isFirst: isFirst, isLast: isOver),
      bytes: Array(text.bytes[start..<start + count]), offset: offset,
      document: DocumentSize(byteCount: text.lineByteCount, isLine: true),
      replacedSurrogateCount: isFirst ? text.replacedSurrogateCount : 0)
  }

  private func partByteCount() -> Int {
    text.bytes.withUnsafeBytes { bytes in
      let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
      var size = limits.pieceByteCount
      while size < rest.count {
        let window = UnsafeRawBufferPointer(rebasing: rest[..<size])
        if let cut = SafeCut.last(in: window) { return cut }
        guard size < limits.windowByteCount else {
          return SafeCut.lastCharacterBoundary(in: window)
        }
        size = min(size * 2, limits.windowByteCount)
      }
      return rest.count
    }
  }
}
