// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The tokens of a piece, in the bytes of a shard.
package struct EncodedPiece: Sendable {
  /// The tokens.
  package var bytes: [UInt8] = []
  /// Where documents end, as offsets into `bytes`; what follows the last goes on in the next piece.
  package var documentEnds: [Int] = []
  /// Bytes of text that the tokens stand for.
  package var textByteCount = 0
  /// Documents without any text; they have no tokens.
  package var emptyDocumentCount = 0
  /// The sizes of the documents that begin in the piece and are not empty.
  package var documentSizes: [DocumentSize] = []
  /// What was not as it should be in the text.
  package var flaws = TextFlaws()
}

/// Turns pieces of the corpus into tokens.
///
/// A piece that continues a document is encoded after the text "a⏎", whose own ids are then taken
/// away: so a tokenizer that marks the start of a text does not mark the start of a piece.
package struct PieceEncoder: Sendable {
  private static let lead: [UInt8] = [0x61, 0x0a]

  private let tokenizer: any Tokenizer
  private let endOfText: Int32
  private let tokenType: TokenType
  private let badLines: CorpusPreparation.BadLines
  private let leadTokens: [Int32]

  package init(
    tokenizer: any Tokenizer, endOfText: Int32, tokenType: TokenType,
    badLines: CorpusPreparation.BadLines
  ) {
    self.tokenizer = tokenizer
    self.endOfText = endOfText
    self.tokenType = tokenType
    self.badLines = badLines
    leadTokens = Self.lead.withUnsafeBytes {
      tokenizer.encode($0, allowsSpecialTokens: false)
    }
  }

  /// The tokens of a piece.
  package func encode(_ piece: CorpusPiece) throws -> EncodedPiece {
    var encoded = EncodedPiece()
    switch piece.content {
    case .text(let isFirst, let isLast):
      try appendText(piece, isFirst: isFirst, isLast: isLast, to: &encoded)
    case .lines(let first):
      try JSONLines.forEach(in: piece.bytes, firstLine: first) { number, text in
        try appendDocument(text, subject: "\(piece.subject):\(number)", to: &encoded)
      }
    case .badLine(let fault):
      try appendDocument(.failure(fault), subject: piece.subject, to: &encoded)
    }
    return encoded
  }

  private func appendText(
    _ piece: CorpusPiece, isFirst: Bool, isLast: Bool, to encoded: inout EncodedPiece
  ) throws {
    encoded.textByteCount = piece.bytes.count
    if isFirst && isLast && piece.bytes.isEmpty {
      encoded.emptyDocumentCount = 1
      return
    }
    if isFirst, let size = piece.document { encoded.documentSizes.append(size) }
    encoded.flaws.replacedSurrogateCount = piece.replacedSurrogateCount
    encoded.flaws.countInvalidUTF8(in: piece)
    var tokens = isFirst ? whole(piece.bytes) : continuation(piece.bytes)
    if isLast { tokens.append(endOfText) }
    try append(tokens[...], to: &encoded)
    if isLast { encoded.documentEnds.append(encoded.bytes.count) }
  }

  private func appendDocument(
    _ text: Result<JSONLines.Document, JSONLines.Fault>, subject: String,
    to encoded: inout EncodedPiece
  ) throws {
    switch text {
    case .success(let text) where text.bytes.isEmpty:
      encoded.emptyDocumentCount += 1
    case .success(let text):
      encoded.textByteCount += text.bytes.count
      encoded.documentSizes.append(DocumentSize(byteCount: text.lineByteCount, isLine: true))
      encoded.flaws.replacedSurrogateCount += text.replacedSurrogateCount
      var tokens = whole(text.bytes)
      tokens.append(endOfText)
      try append(tokens[...], to: &encoded)
      encoded.documentEnds.append(encoded.bytes.count)
    case .failure(let fault):
      guard badLines == .skip else { throw fault.error(subject: subject) }
      encoded.flaws.badLines[fault.reason, default: 0] += 1
    }
  }

  private func append(_ tokens: ArraySlice<Int32>, to encoded: inout EncodedPiece) throws {
    let outside = tokenType.append(
      tokens, to: &encoded.bytes, vocabularySize: tokenizer.vocabularySize)
    if let outside {
      throw TextError(
        .invalidTokenizer,
        "gave token \(outside), outside its vocabulary of \(tokenizer.vocabularySize)",
        subject: "tokenizer")
    }
  }

  private func whole(_ bytes: [UInt8]) -> [Int32] {
    bytes.withUnsafeBytes { tokenizer.encode($0, allowsSpecialTokens: false) }
  }

  private func continuation(_ bytes: [UInt8]) -> [Int32] {
    if bytes.isEmpty { return [] }
    let tokens = whole(Self.lead + bytes)
    // Only where text was cut at an unsafe place can the lead melt into what follows.
    return tokens.starts(with: leadTokens)
      ? Array(tokens.dropFirst(leadTokens.count)) : whole(bytes)
  }
}
