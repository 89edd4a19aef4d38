// SPDX-License-Identifier: Apache-2.0
import Foundation
import Wording

/// Files that must be plain ones: a pipe would wait for a writer for ever, and a device never ends.
package enum RegularFile {
  /// Opens a file to read, without waiting for anything.
  package static func open(_ path: String) throws(RegularFileError) -> FileHandle {
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw RegularFileError(errno: errno) }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw RegularFileError(errno: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw RegularFileError(.notRegular, "is \(kind(status.st_mode)), not a file")
    }
    return handle
  }

  /// Reads a whole file.
  ///
  /// - Parameter limit: the most bytes that such a file can sensibly have.
  package static func contents(
    of path: String, atMost limit: Int
  ) throws(RegularFileError) -> Data {
    let handle = try open(path)
    do {
      // One byte more tells a file that is too large, also one that grows meanwhile.
      let data = try handle.read(upToCount: limit + 1) ?? Data()
      guard data.count <= limit else {
        throw RegularFileError(
          .tooLarge,
          "has more than \(limit >> 20) MiB, which no such file needs; is it the right one?")
      }
      return data
    } catch let error as RegularFileError {
      throw error
    } catch {
      throw RegularFileError(.unreadable, "cannot be read: \(reason(of: error))")
    }
  }

  /// Reads a whole file of text in UTF-8, without the mark that some editors put in front.
  ///
  /// - Parameter limit: the most bytes that such a file can sensibly have.
  package static func text(of path: String, atMost limit: Int) throws(RegularFileError) -> String {
    try TextEncoding.text(contents(of: path, atMost: limit))
  }

  private static func kind(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    default: "something special"
    }
  }
}

/// Why a file cannot be read.
///
/// The subject is empty: what the file is to a user only the caller knows.
package typealias RegularFileError = ModuleError<RegularFileErrorCode>

/// The kinds of ``RegularFileError``.
package enum RegularFileErrorCode: String, Sendable {
  case missing, notRegular, notText, tooLarge, unreadable
}

extension RegularFileError {
  fileprivate init(_ code: Code, _ message: String) { self.init(code, message, subject: "") }

  fileprivate init(errno number: Int32) {
    self =
      number == ENOENT || number == ENOTDIR
      ? Self(.missing, "there is no readable file here")
      : Self(.unreadable, "cannot be read: \(systemReason(number))")
  }
}
