// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

/// What Python 3's `json.loads` reads, and what it refuses.
@Suite struct JSONLineTests {
  private func read(_ line: [UInt8]) -> Result<JSONLines.Document, JSONLines.Fault> {
    line.withUnsafeBufferPointer { JSONLines.document(in: $0[...]) }
  }

  private func read(_ line: String) -> Result<JSONLines.Document, JSONLines.Fault> {
    read(Array(line.utf8))
  }

  @Test(arguments: [
    (#"{"text": "a"}"#, "a"), ("\t{\t\"id\":1 ,\"text\":\"a\"} \r", "a"), (#"{"text":""}"#, ""),
    (#"{"text": "a", "x": NaN, "y": [Infinity, -Infinity]}"#, "a"),
    (#"{"x": -0.5e+3, "y": 0, "z": 12E9, "text": "a"}"#, "a"),
    (#"{"x": {"text": "inner", "y": [[], {}, [{"z": null}]]}, "text": "outer"}"#, "outer"),
    (#"{"text": "first", "text": "last"}"#, "last"), (#"{"text": 1, "text": "last"}"#, "last"),
    (#"{"te\u0078t": "a"}"#, "a"), (#"{"text": "\"\\\/\b\f\n\r\té"}"#, "\"\\/\u{8}\u{c}\n\r\té"),
    (#"{"text": "\ud83c\udf33 \u00e9 \u4e2D"}"#, "🌳 é 中"), (#"{"text": "a\u0000b"}"#, "a\0b"),
    ("{\"text\": \"\u{7f}\u{2028}\"}", "\u{7f}\u{2028}"),
    (#"{"text": "long enough for words"}"#, "long enough for words"),
  ]) func readsWhatPythonReads(line: String, text: String) throws {
    let document = try read(line).get()
    #expect(document.text == text)
    #expect(document.replacedSurrogateCount == 0)
    #expect(document.lineByteCount == line.utf8.count)
  }

  @Test(arguments: [
    (#"{"text": "a\ud800b"}"#, "a\u{fffd}b", 1), (#"{"text": "\udc00"}"#, "\u{fffd}", 1),
    (#"{"text": "\ud83c"}"#, "\u{fffd}", 1), (#"{"text": "\ud83c\n"}"#, "\u{fffd}\n", 1),
    (#"{"text": "\ud83c\ud83c\udf33"}"#, "\u{fffd}🌳", 1),
    (#"{"text": "\ud83c\u0041\udf33"}"#, "\u{fffd}A\u{fffd}", 2),
    (#"{"x": "\ud800", "text": "a"}"#, "a", 0),
  ]) func aLoneSurrogateBecomesAReplacement(line: String, text: String, count: Int) throws {
    let document = try read(line).get()
    #expect(document.text == text && document.replacedSurrogateCount == count)
  }

  @Test(arguments: [
    (#"{"text": "a""#, "expected “,” or “}” at byte 13, but the line ends"),
    (#"{"text": "a"} x"#, "expected the end of the line at byte 15"),
    (#"{"text": "a",}"#, "expected a key"), (#"{'text': 'a'}"#, "expected a key"),
    (#"{"text" "a"}"#, "expected “:”"),
    (#"{"text": "a"#, "string that begins at byte 10 never ends"),
    ("{\"text\": \"a\tb\"}", "found a control character"),
    ("{\"text\": \"a\0b\"}", "found a NUL byte"),
    (#"{"text": "a\x"}"#, "expected an escape"),
    (#"{"text": "\u12g4"}"#, "four hexadecimal digits"),
    (#"{"text": "\ud83c\u12"}"#, "four hexadecimal digits"),
    (#"{"x": 01, "text": "a"}"#, "expected “,” or “}”"),
    (#"{"x": 1., "text": "a"}"#, "expected “,” or “}”"),
    (#"{"x": -, "text": "a"}"#, "expected a value"),
    (#"{"x": nan, "text": "a"}"#, "expected a value"),
    (#"{"x": [1,], "text": "a"}"#, "expected a value"),
    (#"{"x": [1}, "text": "a"}"#, "expected “,” or “]”"),
    (#"{"x": 1e5e5, "text": "a"}"#, "expected “,” or “}”"),
    ("nonsense", "expected a value at byte 1"),
    ("\u{feff}{\"text\": \"a\"}", "expected a value at byte 1"),
  ]) func saysWhereALineIsNotJSON(line: String, message: String) {
    let fault = #expect(throws: JSONLines.Fault.self) { try read(line).get() }
    #expect(fault?.reason == .notJSON)
    #expect(fault?.message.contains(message) == true, "\(fault?.message ?? "")")
  }

  @Test(arguments: [
    ("[1, 2]", CorpusPreparation.BadLineReason.notAnObject), ("\"text\"", .notAnObject),
    ("NaN", .notAnObject), ("{}", .withoutText), ("{\"Text\": \"a\"}", .withoutText),
    ("{\"text\": null}", .textIsNoString), ("{\"text\": [\"a\"]}", .textIsNoString),
    ("{\"text\": \"a\", \"text\": 3}", .textIsNoString),
  ]) func tellsOtherFaultsApart(line: String, reason: CorpusPreparation.BadLineReason) {
    let fault = #expect(throws: JSONLines.Fault.self) { try read(line).get() }
    #expect(fault?.reason == reason)
  }

  @Test func saysWhereALineIsNotUTF8() {
    for bad: [UInt8] in [
      [0xff], [0xe9], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80],
    ] {
      let fault = #expect(throws: JSONLines.Fault.self) {
        try read(Array("{\"text\": \"é".utf8) + bad + Array("\"}".utf8)).get()
      }
      #expect(fault?.reason == .notUTF8 && fault?.message == "is not UTF-8 at byte 13")
    }
  }

  @Test func anyDepthIsRead() throws {
    let depth = 100_000
    let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    #expect(try read("{\"x\": \(nested), \"text\": \"a\"}").get().text == "a")
    let objects =
      String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
    #expect(try read("{\"x\": \(objects), \"text\": \"a\"}").get().text == "a")
    #expect(throws: JSONLines.Fault.self) { try read(String(repeating: "[", count: depth)).get() }
  }

  @Test func noCutOrFlipOfALineTraps() {
    let line = Array(
      #"{"a": [1.5e-3, {"b": null}], "text": "x\ud83c\udf33\n", "c": -Infinity}"#.utf8)
    var readable = 0
    for end in 0..<line.count { if case .success = read(Array(line[..<end])) { readable += 1 } }
    #expect(readable == 0)
    for index in line.indices {
      for byte in [UInt8](0...255) {
        var changed = line
        changed[index] = byte
        _ = read(changed)
      }
    }
  }
}
