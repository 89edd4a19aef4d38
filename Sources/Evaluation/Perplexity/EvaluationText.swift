// SPDX-License-Identifier: Apache-2.0
import Text

/// Text as a row of tokens to score, with its size in words and bytes.
public struct EvaluationText: Sendable, Hashable {
  /// The tokens: the documents with the end-of-text token between them, where the tokenizer has one,
  /// and around them all what its files put around a text.
  public private(set) var tokens: [Int32]
  /// Words and bytes of the documents.
  public private(set) var measure = TextMeasure()
  /// Documents with text.
  public private(set) var documentCount = 0

  private let separator: Int32?
  private var isInDocument = false

  /// A row without a document.
  ///
  /// - Parameter beginTokens: tokens before the first document, such as a beginning-of-text token.
  public init(beginTokens: [Int32], separator: Int32?) {
    tokens = beginTokens
    self.separator = separator
  }

  /// Reads and encodes inputs: a line of JSON or a file of another kind is a document; those without
  /// text are passed over.
  ///
  /// - Parameters:
  ///   - beginTokens: tokens before the first document.
  ///   - endTokens: tokens after the last document.
  ///   - idle: runs every so often while standard input gives nothing; what it throws ends the wait.
  ///   - progress: called with the bytes of files read; what it throws ends the reading.
  /// - Throws: `TextError` that names the file or line; ``EvaluationError`` of code `tooMuchText`
  ///   for standard input without an end.
  public static func read(
    _ inputs: [CorpusInput], tokenizer: any Tokenizer, beginTokens: [Int32] = [],
    endTokens: [Int32] = [],
    idle: @escaping () throws -> Void = {}, progress: (Int) throws -> Void = { _ in }
  ) throws -> EvaluationText {
    var text = EvaluationText(beginTokens: beginTokens, separator: tokenizer.endOfText)
    let encoder = PieceEncoder(
      tokenizer: tokenizer, endOfText: tokenizer.endOfText ?? 0, tokenType: .uint32,
      badLines: .fail)
    let reader = CorpusReader(inputs, idle: idle)
    var limit = StandardInputLimit(inputs)
    while let piece = try reader.next() {
      try limit.add(piece.bytes.count)
      switch piece.content {
      case .text(_, let isLast): try text.append(piece, isLast: isLast, encoder)
      case .lines(let first): try text.append(piece, firstLine: first, tokenizer)
      case .badLine(let fault): throw fault.error(subject: piece.subject, canSkip: false)
      }
      try progress(reader.fileBytesRead)
    }
    text.tokens += endTokens
    return text
  }

  /// Adds a whole document; one without text adds nothing.
  public mutating func appendDocument(_ text: String, tokenizer: any Tokenizer) {
    append(tokenizer.encode(text), isLast: true) { $0.add(text) }
  }

  private mutating func append(
    _ piece: CorpusPiece, isLast: Bool, _ encoder: PieceEncoder
  ) throws {
    let encoded = try encoder.encode(piece)
    var ids = TokenType.uint32.tokens(encoded.bytes)
    // The encoder ends a document with the end-of-text token; here it stands between documents.
    if encoded.documentEnds.last == encoded.bytes.count { ids.removeLast() }
    append(ids, isLast: isLast) { measure in piece.bytes.withUnsafeBytes { measure.add($0) } }
  }

  private mutating func append(
    _ piece: CorpusPiece, firstLine: Int, _ tokenizer: any Tokenizer
  ) throws {
    try JSONLines.forEach(in: piece.bytes, firstLine: firstLine) { number, result in
      switch result {
      case .success(let document): appendDocument(document.text, tokenizer: tokenizer)
      case .failure(let fault):
        throw fault.error(subject: "\(piece.subject):\(number)", canSkip: false)
      }
    }
  }

  private mutating func append(
    _ ids: [Int32], isLast: Bool, measureText: (inout TextMeasure) -> Void
  ) {
    if !ids.isEmpty {
      if !isInDocument {
        if documentCount > 0, let separator { tokens.append(separator) }
        documentCount += 1
        isInDocument = true
      }
      tokens.append(contentsOf: ids)
    }
    measureText(&measure)
    if isLast {
      measure.endDocument()
      isInDocument = false
    }
  }
}

extension TokenType {
  /// The tokens in the bytes of a shard.
  fileprivate func tokens(_ bytes: [UInt8]) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: bytes.count / byteWidth) { buffer, count in
      count = bytes.count / byteWidth
      let target = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
      if count > 0 { _ = bytes.withUnsafeBytes { read($0, into: target) } }
    }
  }
}
