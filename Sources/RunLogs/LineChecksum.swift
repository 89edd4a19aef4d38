// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// What seals a log's line: at its end `after`, the checksum of the line before it, by which lines that
/// were taken out are found, and `checksum`, its own, by which a line that was edited or damaged is.
///
/// The checksum is the CRC-32 (ISO-HDLC, as in gzip) of the record as it would stand without it. Readers
/// pass over both keys; logs of before they were written have none.
enum LineChecksum {
  /// What a line's checksum says.
  enum Finding { case intact, absent, wrong }

  /// What stands for the checksum before a first line, and before one after a line that has none.
  static let none = Data("00000000".utf8)

  private static let opening = Data(",\"checksum\":\"".utf8)
  private static let linkOpening = Data(",\"after\":\"".utf8)
  private static let closing = Data("\"}".utf8)
  /// Bytes of the key, eight digits and the object's end.
  private static var length: Int { opening.count + 8 + closing.count }
  /// Bytes of `after`, eight digits and the quotation mark.
  private static var linkLength: Int { linkOpening.count + 8 + 1 }

  /// Adds to a record's JSON the checksum of the line before it and its own.
  static func sealed(_ json: String, after previous: Data) -> Data {
    sealed(
      Data(json.utf8).dropLast() + linkOpening + previous + closing)
  }

  private static func sealed(_ record: Data) -> Data {
    record.dropLast() + opening + Hexadecimal.text(crc(record), digits: 8).utf8 + closing
  }

  /// Compares a line with its checksum.
  static func finding(in line: Data) -> Finding {
    guard let digits = checksum(in: line) else {
      return line.range(of: Data("\"checksum\"".utf8)) == nil ? .absent : .wrong
    }
    let expected = crc(line.dropLast(length) + Data("}".utf8))
    return digits.elementsEqual(Hexadecimal.text(expected, digits: 8).utf8) ? .intact : .wrong
  }

  /// The checksum that a line says, which the next one repeats.
  static func digits(in line: Data) -> Data { checksum(in: line) ?? none }

  /// The checksum of the line before it that a line says; nil where it says none.
  static func link(in line: Data) -> Data? {
    guard checksum(in: line) != nil else { return nil }
    let end = line.dropLast(length).suffix(linkLength)
    guard end.count == linkLength, end.starts(with: linkOpening), end.last == UInt8(ascii: "\"")
    else { return nil }
    return Data(end.dropFirst(linkOpening.count).prefix(8))
  }

  /// An intact line sealed anew after another one; nil where the line is not intact or has no `after`.
  static func relinked(_ line: Data, after previous: Data) -> Data? {
    guard link(in: line) != nil, finding(in: line) == .intact else { return nil }
    return sealed(line.dropLast(length + linkLength) + linkOpening + previous + closing)
  }

  private static func checksum(in line: Data) -> Data? {
    let end = line.suffix(length)
    guard end.starts(with: opening), end.suffix(closing.count) == closing else { return nil }
    return Data(end.dropFirst(opening.count).prefix(8))
  }

  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in
      value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320
    }
  }

  private static func crc(_ bytes: Data) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}
