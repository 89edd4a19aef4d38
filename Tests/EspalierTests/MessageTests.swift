// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

/// What users read when something is wrong, as prose: `Messages/*.txt` hold command lines, each with
/// its exit code and what it prints on standard error, word for word.
///
/// A case is a line that begins with `$ espalier`, then `exit CODE`, then the message. Files that the
/// cases need are made by ``MessageWorkplace``. `RECORD_MESSAGES=1` writes the messages anew, and fails
/// the tests, so that nobody leaves it on: read the difference as a user would, and commit it.
@Suite("Messages")
struct MessageTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Messages")
  static let files: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".txt") }.sorted()
  static let isRecording = ProcessInfo.processInfo.environment["RECORD_MESSAGES"] != nil

  @Test("every message is what the table says", arguments: files)
  func table(file: String) throws {
    let url = Self.folder.appending(path: file)
    let table = try MessageTable(String(contentsOf: url, encoding: .utf8))
    let place = try MessageWorkplace()
    let given = try place.names
    var actual = table
    for index in table.cases.indices {
      let result = try BuiltCommand.run(table.cases[index].words.map(place.named), in: place.url)
      actual.cases[index].status = result.status
      actual.cases[index].message = place.anonymous(result.errors)
      #expect(!result.endedBySignal, "\(table.cases[index].line)")
      try place.clear(keeping: given)
    }
    if Self.isRecording {
      try actual.text.write(to: url, atomically: true, encoding: .utf8)
      Issue.record("messages were recorded; read them, and run again without RECORD_MESSAGES")
      return
    }
    for (old, new) in zip(table.cases, actual.cases) {
      #expect(old.status == new.status, "\(new.line)")
      #expect(old.message == new.message, "\(new.line)")
    }
  }

  /// Words of programmers and of Foundation, which tell a user nothing.
  private static let strangers = [
    "NSCocoaErrorDomain", "NSPOSIXErrorDomain", "DecodingError", "codingPath", "Optional(",
    "Swift.",
    "Foundation", "The operation couldn", "couldn’t be", "debugDescription", "nil", "Error Domain",
    "CocoaError", "fatal",
  ]

  @Test(
    "messages are prose: no words of programmers, no screenfuls, a remedy or what was expected",
    arguments: files)
  func prose(file: String) throws {
    let table = try MessageTable(
      String(contentsOf: Self.folder.appending(path: file), encoding: .utf8))
    for one in table.cases {
      // What becomes of the run that could not begin stands before the error.
      let message = one.message.replacing(/^Nothing was trained\. [^\n]*\n/, with: "")
      #expect(message.hasPrefix("Error: "), "\(one.line)")
      for word in Self.strangers { #expect(!one.message.contains(word), "\(one.line)") }
      let lines = one.message.split(separator: "\n")
      #expect(lines.allSatisfy { $0.count < 600 }, "\(one.line)")
      // The usage below, which has dots, is ArgumentParser's.
      let first = (lines.first ?? "").replacing(" ...", with: "")
      #expect(!first.contains(": :") && !first.contains(".."), "\(one.line)")
      #expect(one.status == 1 || one.status == 64, "\(one.line)")
    }
  }
}

/// The cases of a file.
struct MessageTable {
  struct Case {
    var line: String
    var status: Int32
    var message: String

    /// The words after `espalier`, taken apart as a shell would.
    var words: [String] { Array(ShellWords.split(String(line.dropFirst(2))).dropFirst()) }
  }

  /// What stands before the first case.
  var head: String
  var cases: [Case] = []

  init(_ text: String) {
    let parts = ("\n" + text).components(separatedBy: "\n$ espalier")
    head = String(parts[0].dropFirst())
    cases = parts.dropFirst().map { part in
      var lines = part.split(separator: "\n", omittingEmptySubsequences: false)[...]
      let line = "$ espalier" + (lines.popFirst() ?? "")
      let status = lines.first.flatMap { $0.hasPrefix("exit ") ? Int32($0.dropFirst(5)) : nil }
      if status != nil { lines.removeFirst() }
      while lines.last?.isEmpty == true { lines.removeLast() }
      return Case(
        line: line, status: status ?? 0,
        message: lines.isEmpty ? "" : lines.joined(separator: "\n") + "\n")
    }
  }

  var text: String {
    head + (head.isEmpty ? "" : "\n")
      + cases.map { "\($0.line)\nexit \($0.status)\n\($0.message)" }.joined(separator: "\n")
  }
}
