// SPDX-License-Identifier: Apache-2.0
import Text

extension TextMeasure {
  /// The words and bytes of the text that tokens stand for; end-of-text tokens stand for none.
  ///
  /// This counts what shards hold of a text. Where a split begins or ends within a word, its part
  /// counts as a word.
  ///
  /// - Throws: the errors of the source.
  public init(decoding tokens: any TokenSource, endOfText: Int32, tokenizer: any Tokenizer) throws {
    self.init()
    var document: [Int32] = []
    var offset = 0
    var piece: [Int32] = []
    while offset < tokens.tokenCount {
      piece = [Int32](repeating: 0, count: min(1 << 16, tokens.tokenCount - offset))
      try piece.withUnsafeMutableBufferPointer { try tokens.read(at: offset, into: $0) }
      offset += piece.count
      for token in piece {
        if token == endOfText {
          addDocument(&document, tokenizer)
        } else {
          document.append(token)
        }
      }
    }
    addDocument(&document, tokenizer)
  }

  private mutating func addDocument(_ document: inout [Int32], _ tokenizer: any Tokenizer) {
    tokenizer.decode(document).withUnsafeBytes { add($0) }
    endDocument()
    document.removeAll(keepingCapacity: true)
  }
}
