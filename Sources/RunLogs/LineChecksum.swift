// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// The checksum at the end of a log's line, by which a line that was edited or damaged is found.
///
/// It is the CRC-32 (ISO-HDLC, as in gzip) of the record as it would stand without it. Readers pass over
/// the key, and logs of before it was written have none.
enum LineChecksum {
  /// What a line's checksum says.
  enum Finding { case intact, absent, wrong }

  private static let opening = Data(",\"checksum\":\"".utf8)
  private static let closing = Data("\"}".utf8)
  /// Bytes of the key, eight digits and the object's end.
  private static var length: Int { opening.count + 8 + closing.count }

  /// Adds the checksum to a record's JSON.
  static func sealed(_ json: String) -> String {
    let digits = Hexadecimal.text(crc(Data(json.utf8)), digits: 8)
    return json.dropLast() + ",\"checksum\":\"\(digits)\"}"
  }

  /// Compares a line with its checksum.
  static func finding(in line: Data) -> Finding {
    let end = line.suffix(length)
    guard end.starts(with: opening), end.suffix(closing.count) == closing else {
      return line.range(of: Data("\"checksum\"".utf8)) == nil ? .absent : .wrong
    }
    let digits = end.dropFirst(opening.count).prefix(8)
    let expected = crc(line.dropLast(length) + Data("}".utf8))
    return digits.elementsEqual(Hexadecimal.text(expected, digits: 8).utf8) ? .intact : .wrong
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
