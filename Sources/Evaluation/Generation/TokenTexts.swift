// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Documents
import Foundation
import Text
import Wording

/// The text of each token, where no tokenizer is at hand to decode.
public struct TokenPieces: Sendable, Hashable {
  private let pieces: [[UInt8]]

  /// Takes texts by token id; a text `<0x0A>` is the byte, as SentencePiece spells it.
  public init(_ texts: [String]) {
    pieces = texts.map { text in Self.byte(text).map { [$0] } ?? Array(text.utf8) }
  }

  /// Reads a JSON array of texts.
  ///
  /// - Throws: ``EvaluationError`` of code `invalidPieces`.
  public init(contentsOf url: URL) throws {
    do {
      let data = try RegularFile.contents(of: url.path, atMost: 64 << 20)
      self.init(try Document(parsing: data).decode([String].self))
    } catch {
      throw EvaluationError(
        .invalidPieces, "are no texts of tokens", subject: url.path, cause: error,
        remedy: "expected a JSON array with the text of each token")
    }
  }

  /// The bytes of a token; none for an id without a text.
  public func bytes(of token: Int32) -> [UInt8] {
    pieces.indices.contains(Int(token)) ? pieces[Int(token)] : []
  }

  private static func byte(_ text: String) -> UInt8? {
    guard text.utf8.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">") else { return nil }
    return UInt8(text.dropFirst(3).dropLast(), radix: 16)
  }
}

/// Where generated tokens get their text from.
public enum TokenTexts: Sendable {
  case tokenizer(any Tokenizer)
  case pieces(TokenPieces)

  /// The bytes of a token that follows another within a text.
  ///
  /// Decoders treat a text's start in a way of their own, so a token's bytes are what it adds to its
  /// predecessor's.
  package func bytes(of token: Int32, after previous: Int32?) -> [UInt8] {
    switch self {
    case .pieces(let pieces): return pieces.bytes(of: token)
    case .tokenizer(let tokenizer):
      guard let previous else { return tokenizer.decode([token]) }
      return Array(
        tokenizer.decode([previous, token]).dropFirst(tokenizer.decode([previous]).count))
    }
  }
}
