// SPDX-License-Identifier: Apache-2.0
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

  /// Reads a file.
  ///
  /// - Throws: ``StagingError`` of code `unreadableFile` with the system's reason.
  package static func read(_ file: URL) throws -> Data {
    do { return try Data(contentsOf: file) } catch {
      throw StagingError(
        .unreadableFile, "cannot be read: \(reason(of: error))",
        subject: file.path(percentEncoded: false))
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
