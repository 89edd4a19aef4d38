// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Testing

@Suite("Streamed text") struct TextStreamTests {
  /// What a stream hands on for each part, and at its end.
  private func handed(_ parts: [[UInt8]], stopTexts: [String] = []) -> [String] {
    var stream = TextStream(stopTexts: stopTexts)
    return parts.map { stream.append($0) } + [stream.finish()]
  }

  @Test("characters come whole") func characters() {
    #expect(handed([[0x61, 0xc3], [0xa9, 0x62]]) == ["a", "éb", ""])
    let tree = Array("🌳".utf8)
    #expect(handed(tree.map { [$0] }) == ["", "", "", "🌳", ""])
    #expect(handed([Array("一".utf8.prefix(2)), []]) == ["", "", "\u{fffd}"])
    #expect(handed([[0xe4, 0xb8], [0x41]]) == ["", "\u{fffd}A", ""])
    #expect(handed([[0xff, 0x80], [0x41]]).joined() == "\u{fffd}\u{fffd}A")
  }

  @Test(
    "however text is cut, all of it comes", arguments: [1, 2, 3, 5, 7])
  func cuts(_ size: Int) {
    let text = "naïve 🌳🌲 – 一二三 \u{1F468}\u{200D}\u{1F469} end"
    let bytes = Array(text.utf8)
    let parts = stride(from: 0, to: bytes.count, by: size).map {
      Array(bytes[$0..<min($0 + size, bytes.count)])
    }
    #expect(handed(parts).joined() == text)
    #expect(handed(parts, stopTexts: ["nowhere", "en🌳"]).joined() == text)
    #expect(handed(parts, stopTexts: ["二", "end"]).joined() == "naïve 🌳🌲 – 一")
    #expect(handed(parts, stopTexts: ["🌲"]).joined() == "naïve 🌳")
  }

  @Test("the beginning of a stop text is held back until it is none") func stops() {
    let parts = ["a Q", ":", "b Q", "x\n", "\nQ:", "c"].map { Array($0.utf8) }
    #expect(handed(parts, stopTexts: ["\nQ:"]) == ["a Q", ":", "b Q", "x", "\n", "", ""])
    #expect(handed(parts, stopTexts: ["Q:"]) == ["a ", "", "", "", "", "", ""])
    #expect(handed([Array("aab".utf8)], stopTexts: ["ab", "b"]) == ["a", ""])
    #expect(handed([Array("aa".utf8), Array("b".utf8)], stopTexts: ["aab", ""]) == ["", "", ""])
    #expect(handed([Array("xaa".utf8)], stopTexts: ["aab"]) == ["x", "aa"])
  }
}
