// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct NoTextTests {
  private func error(_ bytes: [UInt8], name: String = "a.txt") throws -> TextError? {
    let folder = try TemporaryFolder()
    let path = try folder.write(name, Data(bytes))
    return textError { _ = try prepared([path], in: folder) }
  }

  private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test(arguments: [
    ([0x28, 0xb5, 0x2f, 0xfd, 1, 2], "Zstandard", "zstd -dc"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1], "xz", "xz -dc"),
    (ascii("BZh91AY&SY"), "bzip2", "bzip2 -dc"), (ascii("PAR1") + [21], "Parquet", "JSON lines"),
    (ascii("PK") + [3, 4, 20], "zip", "unpack"), (ascii("%PDF-1.7\n"), "PDF", "pdftotext"),
    ([0x89] + ascii("PNG\r\n"), "PNG", "leave it out"),
    ([0xff, 0xd8, 0xff, 0xe0], "JPEG", "leave it out"),
    (ascii("GIF89a"), "GIF", "leave it out"), ([0x7f] + ascii("ELF") + [2], "ELF", "leave it out"),
    ([60, 0, 0, 0, 0, 0, 0, 0] + ascii("{\"a\":"), "safetensors", "name texts"),
    ([0x80, 4, 0x95, 1], "pickle", "JSON lines"), (ascii("GGUF") + [3, 0], "GGUF", "name texts"),
    ([0x93] + ascii("NUMPY") + [1, 0], "NumPy", "JSON lines"),
    (ascii("SQLite format 3\0"), "SQLite", "JSON lines"),
    ([0xff, 0xfe, 0x61, 0], "UTF-16", "iconv -f UTF-16"),
    ([0xfe, 0xff, 0, 0x61], "UTF-16", "iconv"),
    ([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0], "UTF-32", "iconv -f UTF-32"),
    ([UInt8](repeating: 0x61, count: 257) + ascii("ustar"), "tar", "unpack"),
    (ascii("ARROW1\0\0"), "Arrow", "JSON lines"),
  ]) func refusesWhatIsNoText(bytes: [UInt8], kind: String, remedy: String) throws {
    for name in ["a.txt", "a.jsonl"] {
      let error = try error(bytes, name: name)
      #expect(error?.code == .unreadableInput && error?.subject.hasSuffix(name) == true)
      #expect(error?.message.contains(kind) == true, "\(String(describing: error))")
      #expect(error?.message.contains(remedy) == true, "\(String(describing: error))")
    }
  }

  @Test(arguments: [
    "a", "BZ", "PK", "II", "%PDF", "GIF", "RIFF and more of it", "ID3", "{\"text\": \"a\"}", "MZ",
    "Obj",
  ])
  func textThatBeginsAlikeIsText(text: String) throws {
    let folder = try TemporaryFolder()
    let train = try prepared([try folder.write("a.txt", text)], in: folder).train
    #expect(try train.allTokens() == text.utf8.map { Int32($0) } + [256])
  }

  @Test(arguments: [0, 1, 1000, 70_000]) func aNULIsNoText(offset: Int) throws {
    var bytes = [UInt8](repeating: 0x61, count: 80_000)
    bytes[offset] = 0
    let error = try error(bytes)
    #expect(error?.message.contains("byte \(offset + 1) is NUL") == true)
    #expect(error?.message.contains("tr -d") == true)
  }

  @Test func aByteOrderMarkIsNoText() throws {
    let folder = try TemporaryFolder()
    let paths = [
      try folder.write("a.txt", "\u{feff}one"), try folder.write("b.txt", "\u{feff}"),
      try folder.write("c.jsonl", "\u{feff}{\"text\": \"two\"}\n{\"text\": \"\u{feff}3\"}"),
      try folder.write("d.txt", "\u{feff}\u{feff}four\u{feff}"),
    ]
    let tokens = try prepared(paths, in: folder).train.allTokens()
    let texts = tokens.split(separator: 256).map { PlainByteTokenizer().decodeText($0) }
    #expect(texts == ["one", "two", "\u{feff}3", "\u{feff}four\u{feff}"])
  }

  @Test func countsWhatIsNotUTF8() throws {
    let folder = try TemporaryFolder()
    let latin = Array("caf".utf8) + [0xe9] + Array(" na".utf8) + [0xef] + Array("ve".utf8)
    let paths = [
      try folder.write("a.txt", "fine é"), try folder.write("b.txt", Data(latin)),
      try folder.write("c.txt", Data(latin + [0xc3])),
    ]
    let configuration = CorpusPreparation.Configuration(inputs: try CorpusInput.find(paths))
    let summary = try CorpusPreparation(configuration).run(
      tokenizer: PlainByteTokenizer(), to: folder.url.appendingPathComponent("tokens"))
    let invalid = try #require(summary.invalidUTF8)
    #expect(invalid.count == 5 && invalid.file == paths[1] && invalid.offset == 3)
    #expect(
      summary.remarks.first?.contains("5 sequences of bytes not UTF-8, read as U+FFFD") == true)
    #expect(summary.remarks.first?.contains("\(paths[1]) at byte 4") == true)
  }

  @Test func countsBadLinesByReason() throws {
    let folder = try TemporaryFolder()
    var bytes = Array(
      "{\"text\": \"a\\ud800\"}\nx\n{}\n{\"text\": 1}\n[]\n{\"x\": NaN, \"text\": \"b\"}\ny\n".utf8)
    bytes += Array("{\"text\": \"".utf8) + [0xff] + Array("\"}\n".utf8)
    let path = try folder.write("a.jsonl", Data(bytes))
    var configuration = CorpusPreparation.Configuration(inputs: try CorpusInput.find([path]))
    configuration.badLines = .skip
    let summary = try CorpusPreparation(configuration).run(
      tokenizer: PlainByteTokenizer(), to: folder.url.appendingPathComponent("tokens"))
    #expect(summary.badLineCount == 6 && summary.replacedSurrogateCount == 1)
    #expect(
      summary.badLines == [
        "not JSON": 2, "without \"text\"": 1, "\"text\" not a string": 1, "not an object": 1,
        "not UTF-8": 1,
      ])
    #expect(summary.remarks.first?.hasPrefix("Passed over 6 bad lines: 2 not JSON, ") == true)
  }
}
