// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation

/// SHA-256 in hexadecimal.
package enum Fingerprint {
  /// The digest of bytes, 64 digits.
  package static func hexadecimal(of data: Data) -> String {
    SHA256.hash(data: data).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
