// SPDX-License-Identifier: Apache-2.0

/// Numbers in hexadecimal, in lower case.
package enum Hexadecimal {
  /// Two digits for each byte.
  package static func text(_ bytes: some Sequence<UInt8>) -> String {
    bytes.reduce(into: "") { $0 += text($1, digits: 2) }
  }

  /// A number with zeros in front, of so many digits at least.
  package static func text(_ number: some BinaryInteger, digits: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
