// SPDX-License-Identifier: Apache-2.0

extension CorpusInput {
  /// Bytes of all files as they stand on disk; nil where one is not known beforehand.
  package static func totalByteCount(of inputs: [CorpusInput]) -> Int? {
    var total = 0
    for input in inputs {
      guard let count = input.fileByteCount else { return nil }
      total += count
    }
    return total
  }

  /// Calls `body` with the text of inputs, piece by piece, as ``CorpusPreparation`` reads it: each
  /// JSON line's text whole, long documents in parts that end between words.
  ///
  /// This is how a tokenizer sees the text that it learns from.
  ///
  /// - Parameters:
  ///   - inputs: What to read, in order.
  ///   - badLines: What to do with lines that cannot be read.
  ///   - canSkip: Whether the user may have bad lines skipped, which an error says then.
  ///   - progress: Called with the bytes of files read, every so often.
  ///   - body: Gets the text.
  /// - Throws: ``TextError`` that names the file or line, and what the closures throw.
  public static func forEachText(
    in inputs: [CorpusInput], badLines: CorpusPreparation.BadLines = .fail,
    canSkip: Bool = true,
    progress: (Int) throws -> Void = { _ in }, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    func check(_ fault: JSONLines.Fault, at subject: String) throws {
      if badLines == .fail { throw fault.error(subject: subject, canSkip: canSkip) }
    }
    let reader = CorpusReader(inputs)
    while let piece = try reader.next() {
      try progress(reader.fileBytesRead)
      switch piece.content {
      case .text: try piece.bytes.withUnsafeBytes(body)
      case .lines(let first):
        try JSONLines.forEach(in: piece.bytes, firstLine: first) { number, text in
          switch text {
          case .success(let text): try text.bytes.withUnsafeBytes(body)
          case .failure(let fault):
            try check(fault, at: "\(piece.subject):\(number)")
          }
        }
      case .badLine(let fault): try check(fault, at: piece.subject)
      }
    }
  }
}
