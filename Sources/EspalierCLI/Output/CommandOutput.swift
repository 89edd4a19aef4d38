// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Prints a command's result on standard output; a result that cannot be written fails the command.
enum CommandOutput {
  /// Prints lines, in which names have no control characters.
  static func print(_ lines: [String]) throws {
    guard !lines.isEmpty else { return }
    try write(lines.map { ShownText.escaped($0, as: .line) + "\n" }.joined())
  }

  /// Prints a value for other programs.
  static func print(json value: some Encodable) throws {
    try write(JSONText.of(value) + "\n")
  }

  /// Prints a text of this command's own, such as an example, or one that is escaped already.
  static func write(_ text: String) throws { try StandardStream.standardOutput.write(text) }

  /// Prints what tells of work that is done and kept: a reader that went away loses nothing, and
  /// where the text cannot be written for another reason, the error says what is there.
  static func afterWork(_ done: String, _ body: () throws -> Void) throws {
    do { try body() } catch var error as OutputError {
      guard error.code != .readerGone else { return }
      error.remedy = done
      throw error
    }
  }
}

/// Results for other programs.
enum JSONText {
  /// Pretty-printed with sorted keys.
  static func of(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    // The encoder leaves DEL and C1 as they are; their escapes mean the same to any reader.
    return ShownText.escaped(String(decoding: try encoder.encode(value), as: UTF8.self), as: .json)
  }
}
