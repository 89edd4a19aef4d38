// SPDX-License-Identifier: Apache-2.0

/// The size of a text in units that no tokenizer changes.
public struct TextMeasure: Sendable, Hashable {
  /// Runs of characters that are not Unicode white space; a document's end also ends a word.
  public private(set) var wordCount = 0
  /// Bytes of the text in UTF-8, as they stand in the file.
  public private(set) var byteCount = 0
  /// Whether the last character was part of a word.
  private var isInWord = false

  /// A measure of no text.
  public init() {}

  /// Adds bytes of the running document; a piece ends between characters.
  public mutating func add(_ utf8: UnsafeRawBufferPointer) {
    byteCount += utf8.count
    if utf8.allSatisfy({ $0 < 0x80 }) {
      for byte in utf8 { add(isSpace: byte == 0x20 || (0x09...0x0d).contains(byte)) }
    } else {
      for scalar in String(decoding: utf8, as: UTF8.self).unicodeScalars {
        add(isSpace: scalar.properties.isWhitespace)
      }
    }
  }

  /// Adds text of the running document.
  public mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  /// Ends the running document.
  public mutating func endDocument() { isInWord = false }

  private mutating func add(isSpace: Bool) {
    if !isSpace && !isInWord { wordCount += 1 }
    isInWord = !isSpace
  }
}
