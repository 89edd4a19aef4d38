// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Tells why bytes are no text in UTF-8, in words for whoever saved them.
package enum TextEncoding {
  /// The mark that some editors put in front of text in UTF-8.
  package static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// What follows that mark; everything where there is none.
  package static func withoutMark<Bytes: Collection<UInt8>>(_ bytes: Bytes) -> Bytes.SubSequence {
    bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
  }

  /// The text of bytes in UTF-8, without the mark that some editors put in front.
  ///
  /// - Throws: ``RegularFileError`` of code `notText` that says what the bytes are instead, where they
  ///   stop being UTF-8, and what to do.
  package static func text(_ data: Data) throws(RegularFileError) -> String {
    if let obstacle = obstacle(in: data) { throw RegularFileError(.notText, obstacle, subject: "") }
    return String(decoding: withoutMark(data), as: UTF8.self)
  }

  /// Why bytes are no text in UTF-8; nil where they are.
  package static func obstacle(in data: Data) -> String? {
    if let name = wideEncoding(of: data) {
      return
        "is text in \(name), not UTF-8; save it as UTF-8, or convert it: iconv -f \(name) -t UTF-8"
    }
    guard String(validating: data, as: UTF8.self) == nil else { return nil }
    let (offset, byte) = firstInvalid(data)
    let before = data.prefix(offset)
    let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 - data.startIndex } ?? 0
    let spelled = "0x" + Hexadecimal.text(byte, digits: 2).uppercased()
    // What Latin-1 has beyond ASCII and its control characters.
    let remedy =
      byte >= 0xA0
      ? "where it is Latin-1 (“\(Unicode.Scalar(byte))” here), save it as UTF-8, or convert it: iconv -f "
        + "ISO-8859-1 -t UTF-8"
      : "save it as UTF-8; is it a file of text at all?"
    return
      "is not text in UTF-8: byte \(offset - start + 1) of line \(line) is \(spelled); \(remedy)"
  }

  /// The name of an encoding with units of more than a byte, by its mark, or by the zeros that ASCII
  /// has in it; nil for none.
  private static func wideEncoding(of data: Data) -> String? {
    let head = [UInt8](data.prefix(8))
    // The longer marks first: that of UTF-16 begins that of UTF-32.
    if head.starts(with: [0xFF, 0xFE, 0, 0]) || head.starts(with: [0, 0, 0xFE, 0xFF]) {
      return "UTF-32"
    }
    if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) { return "UTF-16" }
    guard head.count == 8 else { return nil }
    let units: [(name: String, letter: Int, width: Int)] = [
      ("UTF-16LE", 0, 2), ("UTF-16BE", 1, 2), ("UTF-32LE", 0, 4), ("UTF-32BE", 3, 4),
    ]
    return units.first { unit in
      head.indices.allSatisfy { ($0 % unit.width == unit.letter) == (head[$0] != 0) }
    }?.name
  }

  /// The first byte that does not belong to valid UTF-8, with its place from 0.
  private static func firstInvalid(_ data: Data) -> (offset: Int, byte: UInt8) {
    var iterator = data.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var offset = 0
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) { offset += scalar.count }
    let index = data.index(data.startIndex, offsetBy: min(offset, max(0, data.count - 1)))
    return (offset, data[index])
  }
}
