// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Wording

@Suite("Words for messages") struct WordingTests {
  @Test("a long text is cut, and says how long it is")
  func longText() {
    let text = String(repeating: "x", count: 10 << 20)
    #expect(text.excerpt == String(repeating: "x", count: 120) + "… (10485760 bytes)")
    #expect("short".excerpt == "short")
    #expect(String(repeating: "é", count: 120).excerpt == String(repeating: "é", count: 120))
  }

  @Test("what moves the cursor or turns the text around is escaped")
  func controlCharacters() {
    #expect("a\nb\t\u{1B}[31m\u{202E}c".excerpt == "a\\nb\\t\\u{1b}[31m\\u{202e}c")
    #expect("naïve 語 ✓".excerpt == "naïve 語 ✓")
  }

  @Test("errors of files are told in the system's words")
  func files() {
    let missing = URL(filePath: "/nowhere/at/all")
    for body in [
      { _ = try Data(contentsOf: missing) },
      { try Data().write(to: missing) },
      { try Data().write(to: missing, options: .atomic) },
      { _ = try FileManager.default.contentsOfDirectory(atPath: missing.path) },
      { _ = try FileManager.default.attributesOfItem(atPath: missing.path) },
      { try FileManager.default.removeItem(at: missing) },
    ] as [() throws -> Void] {
      #expect(words(body) == "no such file or directory")
    }
    #expect(words { _ = try Data(contentsOf: URL(filePath: "/")) } == "is a directory")
    #expect(
      words { try Data(count: 1).write(to: URL(filePath: "/dev/full")) }
        == "no space left on device")
  }

  private func words(_ body: () throws -> Void) -> String {
    do { try body() } catch { return reason(of: error) }
    return "nothing failed"
  }
}
