// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Numbers of bytes as people write them: `8000000000`, `2GB`, `500 MB`, `1.5GiB`, `5e9`.
package enum ByteCountText {
  private static let units: [(String, Double)] = [
    ("kib", 0x1p10), ("mib", 0x1p20), ("gib", 0x1p30), ("tib", 0x1p40),
    ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12),
    ("k", 1e3), ("m", 1e6), ("g", 1e9), ("t", 1e12), ("b", 1), ("", 1),
  ]

  /// The number of bytes; nil where the text is none, or more than 2⁶².
  package static func byteCount(of text: String) -> Int? {
    let text = text.lowercased()
    guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
    let number = text.dropLast(unit.count)
    guard let digit = number.first, digit.isASCII, digit.isNumber,
      number.allSatisfy({ "0123456789.e+- ".contains($0) }),
      let value = Double(number.last == " " ? number.dropLast() : number)
    else { return nil }
    let bytes = (value * factor).rounded()
    return bytes < 0x1p62 ? Int(exactly: bytes) : nil
  }
}
