// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import OrderedJSON

/// The plainest tokenizer: ids 0 to 255 are the bytes, 256 ends a text.
public struct ByteTokenizer: Tokenizer {
  /// Spelling of the token that ends a text.
  public static let endOfTextToken = "<|endoftext|>"

  /// Makes the tokenizer.
  public init() {}

  /// The bytes and the end of text: 257.
  public var vocabularySize: Int { 257 }
  /// 256.
  public var endOfText: Int32? { 256 }

  /// The bytes of the text as they are, whether they are UTF-8 or not.
  public func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32] {
    let text = utf8.bindMemory(to: UInt8.self)
    var ids: [Int32] = []
    ids.reserveCapacity(text.count)
    Self.matcher.split(text, allowsSpecialTokens: allowsSpecialTokens) { range in
      ids.append(contentsOf: text[range].lazy.map(Int32.init))
    } token: {
      ids.append($0)
    }
    return ids
  }

  /// The bytes; the end of text stands for its spelling.
  public func decode(_ ids: some Sequence<Int32>) -> [UInt8] {
    var result: [UInt8] = []
    for id in ids {
      if let byte = UInt8(exactly: id) {
        result.append(byte)
      } else if id == 256 {
        result.append(contentsOf: Self.endOfTextToken.utf8)
      }
    }
    return result
  }

  /// A byte-level BPE without merges, whose ids the library `tokenizers` gives as well.
  public func tokenizerJSON() -> Data { Self.json }

  /// SHA-256 of ``tokenizerJSON()`` in hexadecimal.
  public var fingerprint: String { Self.storedFingerprint }

  private static let matcher = AddedTokenMatcher([
    (Array(endOfTextToken.utf8), AddedToken(id: 256, content: endOfTextToken))
  ])
  private static let storedFingerprint = FileDigest(of: json).sha256
  private static let json: Data = {
    let contents = (UInt8(0)...255).map { ByteLevelAlphabet.spelling(of: [$0]) }
    let model = ModelDescription(
      vocabulary: contents.enumerated().map { .init(content: $1, id: Int32($0)) }, merges: [])
    let description = TokenizerDescription(
      byteLevel: model, pattern: nil,
      addedTokens: [AddedToken(id: 256, content: endOfTextToken)])
    return Data(description.json(contents: contents).encoded(.indented))
  }()
}
