// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A bounded part of the corpus: a document or a part of one, or some lines of JSON.
package struct CorpusPiece: Sendable {
  /// What the bytes are.
  package enum Content: Sendable, Hashable {
    case text(isFirst: Bool, isLast: Bool)
    case lines(first: Int)
  }
  package var subject: String
  package var content: Content
  package var bytes: [UInt8]
}

/// Reads inputs in order, piece by piece, holding little of them in memory.
///
/// Where pieces are cut depends only on the bytes of the input and on the limits, never on how
/// many bytes the system hands over at a time.
package final class CorpusReader {
  /// Sizes of pieces, in bytes.
  package struct Limits: Sendable {
    /// The size that pieces aim at.
    package var pieceByteCount = 1 << 20
    /// The most text to search for a safe place to cut before cutting between any characters.
    package var windowByteCount = 1 << 24
    /// The longest line of JSON.
    package var lineByteCount = 1 << 30

    package init() {}
  }

  private var inputs: ArraySlice<CorpusInput>
  private let limits: Limits
  private let idle: () throws -> Void
  private var current: (input: CorpusInput, source: any ByteSource)?
  private var buffer = ByteBuffer()
  private var isFirstPiece = true
  private var nextLine = 1
  private var bytesOfFinishedInputs = 0

  /// Reads `inputs`; `idle` runs every so often while standard input gives nothing.
  package init(
    _ inputs: [CorpusInput], limits: Limits = Limits(), idle: @escaping () throws -> Void = {}
  ) {
    self.inputs = inputs[...]
    self.limits = limits
    self.idle = idle
  }

  /// Bytes taken from files so far, before decompression.
  package var fileBytesRead: Int { bytesOfFinishedInputs + (current?.source.fileBytesRead ?? 0) }

  /// The next piece; nil at the end of the last input.
  package func next() throws -> CorpusPiece? {
    while true {
      if current == nil { guard try openNext() else { return nil } }
      guard let (input, source) = current else { return nil }
      switch input.format {
      case .text: return try nextText(of: input, from: source)
      case .jsonLines:
        if let piece = try nextLines(of: input, from: source) { return piece }
      }
    }
  }

  private func openNext() throws -> Bool {
    guard let input = inputs.popFirst() else { return false }
    current = (input, try input.open(idle: idle))
    buffer = ByteBuffer()
    isFirstPiece = true
    nextLine = 1
    return true
  }

  private func closeCurrent() {
    bytesOfFinishedInputs = fileBytesRead
    current = nil
  }

  private func nextText(of input: CorpusInput, from source: any ByteSource) throws -> CorpusPiece {
    let cut = try findCut(from: source, limit: limits.windowByteCount) { SafeCut.last(in: $0) }
    let isLast = buffer.isAtEnd && cut == nil
    let count = cut ?? (isLast ? buffer.count : buffer.withBytes(SafeCut.lastCharacterBoundary))
    let piece = CorpusPiece(
      subject: input.name, content: .text(isFirst: isFirstPiece, isLast: isLast),
      bytes: buffer.take(count))
    isFirstPiece = false
    if isLast { closeCurrent() }
    return piece
  }

  private func nextLines(of input: CorpusInput, from source: any ByteSource) throws
    -> CorpusPiece?
  {
    let cut = try findCut(from: source, limit: limits.lineByteCount) { bytes in
      bytes.lastIndex(of: 0x0a).map { $0 + 1 }
    }
    guard cut != nil || buffer.isAtEnd else {
      throw TextError(
        .unreadableInput, "a line of more than \(limits.lineByteCount) bytes; is it JSON lines?",
        subject: "\(input.name):\(nextLine)")
    }
    let bytes = buffer.take(cut ?? buffer.count)
    if cut == nil { closeCurrent() }
    guard !bytes.isEmpty else { return nil }
    let piece = CorpusPiece(subject: input.name, content: .lines(first: nextLine), bytes: bytes)
    nextLine += bytes.count(where: { $0 == 0x0a })
    return piece
  }

  /// Fills the buffer, ever further up to `limit`, until `search` finds a cut in it; nil at the end
  /// of the source or where the limit is reached.
  private func findCut(
    from source: any ByteSource, limit: Int, search: (UnsafeRawBufferPointer) -> Int?
  ) throws -> Int? {
    var target = min(limits.pieceByteCount, limit)
    while true {
      try buffer.fill(to: target, from: source)
      if buffer.isAtEnd && buffer.count < target { return nil }
      if let cut = buffer.withBytes(search) { return cut }
      guard target < limit else { return nil }
      target = min(target * 2, limit)
    }
  }
}

/// Bytes between a source and the pieces cut from it.
private struct ByteBuffer {
  private var storage: [UInt8] = []
  private(set) var count = 0
  private(set) var isAtEnd = false

  mutating func fill(to target: Int, from source: any ByteSource) throws {
    if storage.count < target {
      storage.append(contentsOf: repeatElement(0, count: target - storage.count))
    }
    while count < target && !isAtEnd {
      let read = try storage.withUnsafeMutableBytes { bytes in
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[count..<target]))
      }
      count += read
      isAtEnd = read == 0
    }
  }

  func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  mutating func take(_ taken: Int) -> [UInt8] {
    let bytes = Array(storage[..<taken])
    storage.withUnsafeMutableBytes { storage in
      UnsafeMutableRawBufferPointer(rebasing: storage[..<(count - taken)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[taken..<count]))
    }
    count -= taken
    return bytes
  }
}
