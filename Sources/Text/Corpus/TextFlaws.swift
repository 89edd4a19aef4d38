// SPDX-License-Identifier: Apache-2.0

extension CorpusPreparation {
  /// Why a line of JSON gives no text.
  public enum BadLineReason: String, Sendable, Hashable, Codable, CaseIterable {
    /// The line is not JSON.
    case notJSON
    /// The line is not UTF-8.
    case notUTF8
    /// The line is JSON, but not an object.
    case notAnObject
    /// The object has no `text`.
    case withoutText
    /// The object's `text` is not a string.
    case textIsNoString

    /// The reason in words.
    public var name: String {
      switch self {
      case .notJSON: "not JSON"
      case .notUTF8: "not UTF-8"
      case .notAnObject: "not an object"
      case .withoutText: "without \"text\""
      case .textIsNoString: "\"text\" not a string"
      }
    }
  }

  /// Bytes of texts that are not UTF-8.
  public struct InvalidUTF8: Sendable, Hashable, Codable {
    /// How many sequences of bytes are not UTF-8; each is read as one U+FFFD, but by a tokenizer of
    /// bytes as it is.
    public var count: Int
    /// The file with the first.
    public var file: String
    /// Where the first is in its file, behind decompression and a byte-order mark; from 0.
    public var offset: Int
  }
}

/// What was not as it should be in texts and was read nevertheless, or passed over.
package struct TextFlaws: Sendable, Hashable {
  /// Lines passed over, by reason.
  package var badLines: [CorpusPreparation.BadLineReason: Int] = [:]
  /// Surrogates that stood alone and became U+FFFD.
  package var replacedSurrogateCount = 0
  /// Bytes that are not UTF-8; nil where all are.
  package var invalidUTF8: CorpusPreparation.InvalidUTF8?

  package init() {}

  /// Adds the flaws of what follows.
  package mutating func add(_ other: TextFlaws) {
    badLines.merge(other.badLines, uniquingKeysWith: +)
    replacedSurrogateCount += other.replacedSurrogateCount
    if invalidUTF8 == nil {
      invalidUTF8 = other.invalidUTF8
    } else {
      invalidUTF8?.count += other.invalidUTF8?.count ?? 0
    }
  }

  mutating func countInvalidUTF8(in piece: CorpusPiece) {
    piece.bytes.withUnsafeBufferPointer { bytes in
      guard let first = UTF8Text.firstInvalid(bytes) else { return }
      var found = TextFlaws()
      found.invalidUTF8 = CorpusPreparation.InvalidUTF8(
        count: UTF8Text.invalidCount(bytes, from: first), file: piece.subject,
        offset: piece.offset + first)
      add(found)
    }
  }
}
