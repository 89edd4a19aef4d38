// SPDX-License-Identifier: Apache-2.0
import Checkpoints
import Foundation
import Testing
import Text

@Suite("Unicode as the reference has it")
struct UnicodeClassTests {
  /// What the reference takes for a letter and so on, as ranges of scalars, and digests of forms.
  private struct Golden: Decodable {
    var letter: [[UInt32]]
    var mark: [[UInt32]]
    var number: [[UInt32]]
    var whitespace: [[UInt32]]
    var numeric: [[UInt32]]
    var word: [[UInt32]]
    var forms: [String: String]
  }

  private func golden() throws -> Golden {
    try TokenizerGoldens.decode("unicode.golden.json", as: Golden.self)
  }

  @Test("Every scalar's classes")
  func classes() throws {
    let golden = try golden()
    let table = UnicodeClassTable.shared
    let classes: [(String, UnicodeClasses, [[UInt32]])] = [
      ("letter", .letter, golden.letter), ("mark", .mark, golden.mark),
      ("number", .number, golden.number),
      ("whitespace", .whitespace, golden.whitespace), ("numeric", .numeric, golden.numeric),
      ("word", .word, golden.word),
    ]
    for (name, wanted, ranges) in classes {
      var found: [[UInt32]] = []
      for value in UInt32(0)..<0x110000 where table(value).contains(wanted) {
        if let last = found.indices.last, found[last][1] == value - 1 {
          found[last][1] = value
        } else {
          found.append([value, value])
        }
      }
      #expect(found == ranges, "class \(name)")
    }
  }

  @Test("Normalization forms of every assigned scalar", arguments: UnicodeForm.allCases)
  func forms(form: UnicodeForm) throws {
    var bytes = Data()
    // No other plane has scalars that the version knows, but for private ones.
    for value in Array(UInt32(0)..<0x30000) + Array(0xE0000..<0xE1000) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let alone = Array(String(scalar).utf8)
      let between = Array("a\u{323}".utf8) + alone + Array("\u{334}\u{301}".utf8)
      bytes.append(contentsOf: form.normalized(alone) + [10] + form.normalized(between) + [10])
    }
    #expect(FileDigest(of: bytes).sha256 == (try golden().forms[form.rawValue]))
  }
}
