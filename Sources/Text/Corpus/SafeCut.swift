// SPDX-License-Identifier: Apache-2.0

/// Where a long document may be cut so that its parts, encoded one by one, give the ids of the
/// whole.
///
/// Two kinds of places are safe:
/// 1. after a line feed that follows a letter, number, punctuation mark or symbol and stands
///    before a letter;
/// 2. before a space that follows a letter or number and stands before a letter.
///
/// Every supported pre-tokenizer (the GPT-2 and Llama 3 patterns and their kin, bytes) ends a word
/// there, and the words on both sides do not depend on what lies beyond. A *run* of whitespace is
/// never cut: GPT-2's pattern parts the run's last character from the rest only when text follows.
/// The SentencePiece kind has no words; there the cut is exact because no entry of the published
/// vocabularies has a line feed in it or a space after another character.
package enum SafeCut {
  /// The last safe place; nil where there is none.
  ///
  /// Bytes that are not UTF-8 make no place safe.
  package static func last(in bytes: UnsafeRawBufferPointer) -> Int? {
    var index = bytes.count - 2
    while index > 0 {
      if bytes[index] == 0x0a {
        if isLetter(bytes, at: index + 1), isWordOrMark(bytes, before: index) { return index + 1 }
      } else if bytes[index] == 0x20 {
        if isLetter(bytes, at: index + 1), isWord(bytes, before: index) { return index }
      }
      index -= 1
    }
    return nil
  }

  /// The last place that does not part the bytes of one character.
  ///
  /// That is the end where the last bytes are not UTF-8; at least 1 for any bytes.
  package static func lastCharacterBoundary(in bytes: UnsafeRawBufferPointer) -> Int {
    let count = bytes.count
    for back in 1...3 where back < count {
      let byte = bytes[count - back]
      if byte < 0x80 { return count }
      if byte >= 0xc0 {
        let length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
        return length > back ? count - back : count
      }
    }
    return count
  }

  private static func isLetter(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    guard let scalar = scalar(bytes, at: index)?.scalar else { return false }
    return kind(of: scalar) == .letter
  }

  private static func isWord(_ bytes: UnsafeRawBufferPointer, before index: Int) -> Bool {
    guard let scalar = scalar(bytes, before: index) else { return false }
    return kind(of: scalar) == .letter || kind(of: scalar) == .number
  }

  private static func isWordOrMark(_ bytes: UnsafeRawBufferPointer, before index: Int) -> Bool {
    guard let scalar = scalar(bytes, before: index) else { return false }
    return kind(of: scalar) != .other
  }

  private enum Kind { case letter, number, mark, other }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      .letter
    case .decimalNumber, .letterNumber, .otherNumber: .number
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation, .mathSymbol, .currencySymbol,
      .modifierSymbol, .otherSymbol:
      .mark
    default: .other
    }
  }

  private static func scalar(_ bytes: UnsafeRawBufferPointer, before end: Int) -> Unicode.Scalar? {
    var start = end - 1
    while start > 0 && start > end - 4 && bytes[start] & 0xc0 == 0x80 { start -= 1 }
    guard start >= 0, let (scalar, length) = scalar(bytes, at: start), start + length == end
    else { return nil }
    return scalar
  }

  private static func scalar(
    _ bytes: UnsafeRawBufferPointer, at index: Int
  ) -> (scalar: Unicode.Scalar, length: Int)? {
    guard index < bytes.count else { return nil }
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    guard first >= 0xc2, first <= 0xf4, index + length <= bytes.count else { return nil }
    var value = UInt32(first) & (0x7f >> UInt32(length))
    for offset in 1..<length {
      guard bytes[index + offset] & 0xc0 == 0x80 else { return nil }
      value = value << 6 | UInt32(bytes[index + offset] & 0x3f)
    }
    let smallest: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000
    guard value >= smallest else { return nil }
    return Unicode.Scalar(value).map { ($0, length) }
  }
}
