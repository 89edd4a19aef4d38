// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Text to token ids and back.
public protocol Tokenizer: Sendable {
  /// Ids run from 0 ..< `vocabularySize`.
  var vocabularySize: Int { get }
  /// The id that ends a document; nil where the vocabulary has none.
  var endOfText: Int32? { get }
  /// The ids of UTF-8 text; bytes that are not UTF-8 are read as U+FFFD, each by the Unicode rule
  /// of maximal subparts, but by ``ByteTokenizer``, which takes all bytes as they are. Special tokens spelled out in the text are special only where
  /// `allowsSpecialTokens`.
  func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32]
  /// The bytes that the ids stand for; ids outside the vocabulary stand for none.
  func decode(_ ids: some Sequence<Int32>) -> [UInt8]
  /// Contents of a Hugging Face `tokenizer.json`, the same whenever the tokenizer is; nil for one
  /// that no such file can describe.
  func tokenizerJSON() throws -> Data
  /// SHA-256 of ``tokenizerJSON()`` in hexadecimal, as manifests and checkpoints name it.
  var fingerprint: String { get }
}

extension Tokenizer {
  /// The ids of a string.
  public func encode(_ text: String, allowsSpecialTokens: Bool = false) -> [Int32] {
    var text = text
    return text.withUTF8 {
      encode(UnsafeRawBufferPointer($0), allowsSpecialTokens: allowsSpecialTokens)
    }
  }

  /// The text that the ids stand for; broken UTF-8 shows as U+FFFD.
  public func decodeText(_ ids: some Sequence<Int32>) -> String {
    String(decoding: decode(ids), as: UTF8.self)
  }
}
