// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation

/// Reads inputs in order, piece by piece, holding little of them in memory.
///
/// Where pieces are cut depends only on the bytes of the input and on the limits, never on how
/// many bytes the system hands over at a time. A long line of JSON is the only thing that is held as a
/// whole; its text comes in parts, as that of a file.
package final class CorpusReader {
  /// Sizes of pieces, in bytes.
  package struct Limits: Sendable {
    /// The size that pieces aim at.
    package var pieceByteCount = 1 << 20
    /// The most text to search for a safe place to cut before cutting between any characters.
    package var windowByteCount = 1 << 24
    /// The longest line of JSON.
    package var lineByteCount = 1 << 28

    package init() {}
  }

  private var inputs: ArraySlice<CorpusInput>
  private let limits: Limits
  private let idle: () throws -> Void
  private var current: (input: CorpusInput, source: any ByteSource)?
  private var buffer = ByteBuffer()
  private var isFirstPiece = true
  private var nextLine = 1
  private var longLines: LongLines?
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
      if let piece = longLines?.next() { return piece }
      longLines = nil
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
    let offset = buffer.takenByteCount
    let bytes = buffer.take(count)
    try Self.check(bytes, at: offset, of: input)
    let piece = CorpusPiece(
      subject: input.name, content: .text(isFirst: isFirstPiece, isLast: isLast), bytes: bytes,
      offset: offset,
      document: DocumentSize(
        byteCount: isFirstPiece ? input.expectedByteCount : nil, isLine: false))
    isFirstPiece = false
    if isLast { closeCurrent() }
    return piece
  }

  /// Text holds no NUL; other encodings and files that are no text do.
  private static func check(_ bytes: [UInt8], at offset: Int, of input: CorpusInput) throws {
    let nul = bytes.withUnsafeBufferPointer { $0.firstIndex(of: 0, from: 0) }
    guard let nul else { return }
    throw TextError(
      .unreadableInput,
      "is not text in UTF-8: byte \(offset + nul + 1) is NUL. Leave the file out; or convert it "
        + "(iconv -f UTF-16LE -t UTF-8) where it is text in UTF-16, or take the NULs away "
        + "(tr -d '\\000')", subject: input.name)
  }

  private func nextLines(of input: CorpusInput, from source: any ByteSource) throws
    -> CorpusPiece?
  {
    let cut = try findCut(from: source, limit: limits.lineByteCount) { bytes in
      bytes.lastIndex(of: 0x0a).map { $0 + 1 }
    }
    guard cut != nil || buffer.isAtEnd else {
      throw TextError(
        .unreadableInput,
        "a line of more than \(limits.lineByteCount) bytes; is it JSON lines? A document that large "
          + "can be a file of its own, which is read in parts", subject: "\(input.name):\(nextLine)"
      )
    }
    let offset = buffer.takenByteCount
    let bytes = buffer.take(cut ?? buffer.count)
    if cut == nil { closeCurrent() }
    guard !bytes.isEmpty else { return nil }
    let first = nextLine
    nextLine += bytes.count(where: { $0 == 0x0a })
    guard bytes.count <= 4 * limits.pieceByteCount else {
      longLines = LongLines(
        bytes, of: input.name, offset: offset, firstLine: first, limits: limits)
      return nil
    }
    return CorpusPiece(
      subject: input.name, content: .lines(first: first), bytes: bytes, offset: offset)
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

extension CorpusInput {
  /// Bytes of the text as far as they can be told beforehand.
  ///
  /// Of a gzip file that is what its last four bytes say, where they are believable; a file of
  /// several members tells too little.
  package var expectedByteCount: Int? {
    guard let byteCount = fileByteCount, case .file(let url) = location else { return nil }
    guard Self.compressedExtensions.contains(url.pathExtension.lowercased()) else {
      return byteCount
    }
    guard let file = try? RegularFile.open(url.path), byteCount >= 18,
      (try? file.seek(toOffset: UInt64(byteCount - 4))) != nil,
      let tail = try? file.read(upToCount: 4), tail.count == 4
    else { return byteCount }
    let told = tail.reversed().reduce(0) { $0 << 8 | Int($1) }
    return (byteCount...byteCount * 1000).contains(told) ? told : 3 * byteCount
  }
}
