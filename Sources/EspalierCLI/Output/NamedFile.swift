// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation

/// Files that options name: what cannot be written may be written under another name.
enum NamedFile {
  /// Writes a file whole or not at all.
  static func write(_ data: Data, to path: String) throws {
    try advising(path) { try OutputFile.replace(URL(filePath: path), with: data) }
  }

  /// Makes a folder where there is none.
  static func makeFolder(_ path: String) throws {
    try advising(path) { try makeDirectories(URL(filePath: path, directoryHint: .isDirectory)) }
  }

  private static func advising(_ path: String, _ body: () throws -> Void) throws {
    do { try body() } catch var error as CheckpointsError {
      error.subject = path
      if error.code == .unwritableFile { error.message += "; name another file" }
      throw error
    }
  }
}
