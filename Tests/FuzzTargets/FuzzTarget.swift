// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A reader of files that come from elsewhere, as a fuzzer calls it.
///
/// A reader may throw any error of this package's; it must not trap, hang, or take memory that the
/// input's size does not account for. What it read must be fit for use, and what it writes again must
/// read as the same.
package struct FuzzTarget: Sendable {
  /// The name, which is its corpus's folder, too.
  package let name: String
  /// Words of the format, which the fuzzer puts together.
  package let words: [String]
  /// Reads an input; false where it was refused with an error.
  private let body: @Sendable (Data) throws -> Void

  package init(
    _ name: String, words: [String] = [], _ body: @escaping @Sendable (Data) throws -> Void
  ) {
    self.name = name
    self.words = words
    self.body = body
  }

  /// What the reader did with an input.
  package enum Outcome: Sendable {
    case read
    case refused(any Error)
  }

  /// Reads an input.
  package func run(_ data: Data) -> Outcome {
    do {
      try body(data)
      return .read
    } catch { return .refused(error) }
  }
}

/// A promise that an input broke, which ends a fuzzer's run as a trap would.
func promise(_ condition: Bool, _ message: @autoclosure () -> String) {
  precondition(condition, message())
}

/// A file of this process's own that holds the input, for readers that take no bytes.
enum ScratchFile {
  private static let folder: URL = {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "espalier-fuzz-\(ProcessInfo.processInfo.processIdentifier)",
      directoryHint: .isDirectory)
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }()

  /// Writes the input under a name and hands over its place.
  static func with<Result>(
    _ data: Data, named name: String, _ body: (URL) throws -> Result
  ) throws -> Result {
    let thread = UInt(bitPattern: ObjectIdentifier(Thread.current))
    let own = folder.appending(path: "\(thread)", directoryHint: .isDirectory)
    if access(own.path, F_OK) != 0 {
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
    }
    let file = own.appending(path: name)
    try data.write(to: file)
    return try body(file)
  }
}
