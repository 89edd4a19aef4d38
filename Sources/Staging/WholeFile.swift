// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Wording

/// Files that a run or a command reads and writes as a whole.
package enum WholeFile {
  /// Writes a file, whole or not at all.
  ///
  /// - Throws: ``StagingError`` of code `unwritableFile` with the system's reason.
  package static func write(_ data: Data, to file: URL) throws {
    do { try data.write(to: file, options: .atomic) } catch {
      throw StagingError(
        .unwritableFile, "cannot be written: \(reason(of: error))",
        subject: file.path(percentEncoded: false))
    }
  }

  /// Reads a file of at most a gibibyte.
  ///
  /// - Throws: ``StagingError`` of code `unreadableFile` with the system's reason.
  package static func read(_ file: URL) throws -> Data {
    let path = file.path(percentEncoded: false)
    do { return try RegularFile.contents(of: path, atMost: 1 << 30) } catch {
      throw StagingError(.unreadableFile, error.message, subject: path)
    }
  }

  /// Makes a directory and those above it.
  ///
  /// - Throws: ``StagingError`` of code `unwritableFile` with the system's reason.
  package static func makeDirectory(_ url: URL) throws {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw StagingError(
        .unwritableFile, "no directory can be made here: \(reason(of: error))",
        subject: url.path(percentEncoded: false))
    }
  }
}
