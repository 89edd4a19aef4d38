// SPDX-License-Identifier: Apache-2.0

/// A bounded part of the corpus: a document or a part of one, or some lines of JSON.
package struct CorpusPiece: Sendable {
  /// What the bytes are.
  package enum Content: Sendable, Hashable {
    /// Text of a document.
    case text(isFirst: Bool, isLast: Bool)
    /// Lines of JSON, whole.
    case lines(first: Int)
    /// No bytes, but a line that gives no text.
    case badLine(JSONLines.Fault)
  }
  /// What errors call the piece: the file, for a document of JSON lines with its line.
  package var subject: String
  /// What the bytes are.
  package var content: Content
  /// The bytes.
  package var bytes: [UInt8]
  /// Where the piece begins in the input, behind decompression.
  package var offset: Int
  /// What is known of the document that the text is of; nil for lines.
  package var document: DocumentSize?
  /// Surrogates of the document that stood alone and became U+FFFD; told with its first part.
  package var replacedSurrogateCount = 0

  /// Makes a piece of its parts.
  package init(
    subject: String, content: Content, bytes: [UInt8], offset: Int, document: DocumentSize? = nil,
    replacedSurrogateCount: Int = 0
  ) {
    self.subject = subject
    self.content = content
    self.bytes = bytes
    self.offset = offset
    self.document = document
    self.replacedSurrogateCount = replacedSurrogateCount
  }
}
