// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Small files of JSON with a checksum of their own: their first key, `checksum`, is the SHA-256 of
/// the file without that line.
///
/// The text is hashed and not what it means, so that no other version's way to write numbers matters.
/// Whoever does not know the key passes over it, and a file of before it was written has none.
package enum SealedJSON {
  private static let opening = Data("{\n".utf8)
  private static let key = Data("  \"checksum\"".utf8)

  /// Adds the checksum.
  ///
  /// - Parameter json: a pretty-printed object that is not empty; any other text stays as it is.
  package static func sealed(_ json: Data) -> Data {
    guard json.starts(with: opening) else { return json }
    let line = key + Data(" : \"\(FileDigest(of: json).sha256)\",\n".utf8)
    return opening + line + json.dropFirst(opening.count)
  }

  /// Whether a file is as it was written; true of one without a checksum.
  package static func isIntact(_ file: Data) -> Bool {
    guard let line = secondLine(of: file) else { return true }
    guard line.starts(with: key) || isChecksum(line) else { return true }
    let rest = file.dropFirst(opening.count + line.count + 1)
    return sealed(opening + rest) == file
  }

  /// The line after the one that opens the object.
  private static func secondLine(of file: Data) -> Data? {
    guard file.starts(with: opening) else { return nil }
    let rest = file.dropFirst(opening.count)
    return rest.firstIndex(of: UInt8(ascii: "\n")).map { Data(rest[..<$0]) }
  }

  /// Whether a line is as long as that of a checksum and holds one: its key may be what is damaged.
  private static func isChecksum(_ line: Data) -> Bool {
    let digits = Set("0123456789abcdef".utf8)
    return line.count == key.count + 70
      && line.dropFirst(key.count + 4).prefix(64).allSatisfy(digits.contains)
  }
}
