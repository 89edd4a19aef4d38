// SPDX-License-Identifier: Apache-2.0
import EspalierCLI
import Testing

@Suite("Texts for a terminal")
struct ShownTextTests {
  @Test(
    "names keep nothing that moves a cursor or begins a line",
    arguments: [
      ("plain name", "plain name"), ("a\nb", "a\\nb"), ("a\r\nb", "a\\r\\nb"), ("a\tb", "a\\tb"),
      ("\u{1B}[31mred", "\\u001b[31mred"), ("\u{9B}2J", "\\u009b2J"), ("\u{7F}", "\\u007f"),
      ("\u{0}", "\\u0000"), ("exe.\u{202E}txt", "exe.\\u202etxt"),
      ("a\u{2028}b\u{200F}c", "a\\u2028b\\u200fc"), ("Ärger 東京 👩‍🌾", "Ärger 東京 👩‍🌾"),
    ])
  func lines(text: String, shown: String) {
    #expect(ShownText.escaped(text, as: .line) == shown)
  }

  @Test("messages keep line feeds before indented lines, prose its line feeds and tabs")
  func kinds() {
    #expect(ShownText.escaped("a\n  b\nError: c", as: .message) == "a\n  b\\nError: c")
    #expect(ShownText.escaped("a\tb\n\u{1B}c\rd", as: .prose) == "a\tb\n\\u001bc\\rd")
    #expect(ShownText.escaped("{\n\"\u{9B}\u{7F}\"}", as: .json) == "{\n\"\\u009b\\u007f\"}")
  }

  @Test("arguments that a message echoes are spelled out, with their line feeds")
  func arguments() {
    let arguments = ["--seed=1\n\u{1B}", "x\n  y"]
    let message = "The value '1\n\u{1B}' is invalid; 'x\n  y' as well"
    #expect(
      ShownText.escaped(arguments: arguments, in: message)
        == "The value '1\\n\\u001b' is invalid; 'x\\n  y' as well")
  }
}
