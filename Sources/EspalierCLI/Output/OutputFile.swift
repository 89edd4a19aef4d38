// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Wording

/// Writes files that options name.
enum OutputFile {
  /// Writes a file whole or not at all.
  static func write(_ data: Data, to path: String) throws {
    let url = URL(filePath: path)
    do {
      // A device, a pipe or a link such as /dev/stdout is written to, not replaced.
      let isSpecial =
        (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == false
      try data.write(to: url, options: isSpecial ? [] : .atomic)
    } catch {
      throw OutputFileError(path: path, reason: reason(of: error))
    }
  }

  /// Makes a folder where there is none.
  static func makeFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(
        at: URL(filePath: path, directoryHint: .isDirectory), withIntermediateDirectories: true)
    } catch {
      throw OutputFileError(path: path, reason: reason(of: error))
    }
  }
}

/// Why a file that an option names was not written.
struct OutputFileError: Error, CustomStringConvertible {
  var path: String
  var reason: String

  var description: String { "\(path): cannot be written: \(reason); name another file" }
}
