// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// The names in a folder, as the system gives them.
///
/// A name is any bytes; Foundation leaves out those that are no text in UTF-8, so that a file under such
/// a name would be passed over, or removed with a folder that seemed empty.
package struct FolderListing: Sendable {
  /// The names that are texts, in the order of their bytes.
  package private(set) var names: [String] = []
  /// The names that no text holds, with those bytes spelled out, as `caf\xE9.txt`.
  package private(set) var strangeNames: [String] = []

  /// Whether the folder holds nothing at all.
  package var isEmpty: Bool { names.isEmpty && strangeNames.isEmpty }

  /// Reads a folder.
  ///
  /// - Throws: the system's reason why it cannot be read.
  package init(of path: String) throws(POSIXError) {
    guard let folder = opendir(path) else { throw Self.error }
    defer { closedir(folder) }
    while true {
      errno = 0
      guard let entry = readdir(folder) else { break }
      let offset = MemoryLayout.offset(of: \dirent.d_name) ?? 0
      let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: UInt8.self)
      add(UnsafeBufferPointer(start: name, count: strlen(name)))
    }
    guard errno == 0 else { throw Self.error }
    names.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    strangeNames.sort()
  }

  private mutating func add(_ name: UnsafeBufferPointer<UInt8>) {
    guard let text = String(validating: name, as: UTF8.self) else {
      return strangeNames.append(Self.spelled(name))
    }
    if text != ".", text != ".." { names.append(text) }
  }

  private static func spelled(_ name: UnsafeBufferPointer<UInt8>) -> String {
    name.map { byte in
      if (0x20..<0x7F).contains(byte) { return String(UnicodeScalar(byte)) }
      return "\\x" + Hexadecimal.text(byte, digits: 2).uppercased()
    }.joined()
  }

  private static var error: POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
