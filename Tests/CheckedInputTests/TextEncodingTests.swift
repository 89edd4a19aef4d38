// SPDX-License-Identifier: Apache-2.0
import CheckedInput
import Foundation
import Testing

@Suite("Encodings of text")
struct TextEncodingTests {
  @Test(
    "text of any wide encoding is told by its name, with a mark or without",
    arguments: [
      (String.Encoding.utf16LittleEndian, [UInt8](), "UTF-16LE"),
      (.utf16BigEndian, [], "UTF-16BE"), (.utf32LittleEndian, [], "UTF-32LE"),
      (.utf32BigEndian, [], "UTF-32BE"), (.utf16LittleEndian, [0xFF, 0xFE], "UTF-16"),
      (.utf16BigEndian, [0xFE, 0xFF], "UTF-16"),
      (.utf32LittleEndian, [0xFF, 0xFE, 0, 0], "UTF-32"),
      (.utf32BigEndian, [0, 0, 0xFE, 0xFF], "UTF-32"),
    ])
  func wide(encoding: String.Encoding, mark: [UInt8], name: String) throws {
    let text = try #require("version: 1\n".data(using: encoding))
    let obstacle = TextEncoding.obstacle(in: Data(mark) + text)
    #expect(obstacle?.contains("is text in \(name), not UTF-8") ?? false, "\(obstacle ?? "")")
    #expect(obstacle?.hasSuffix("iconv -f \(name) -t UTF-8") ?? false)
  }

  @Test("the first byte that is no UTF-8 is told with its line and place")
  func invalid() {
    let latin = Data("version: 1\nname: ".utf8) + [0xFC] + Data("ber\n".utf8)
    #expect(
      TextEncoding.obstacle(in: latin)
        == "is not text in UTF-8: byte 7 of line 2 is 0xFC; where it is Latin-1 (“ü” here), save it as "
        + "UTF-8, or convert it: iconv -f ISO-8859-1 -t UTF-8")
    // A sequence that is cut off, in a part of other data, whose indices do not begin at 0.
    let cut = (Data("ab".utf8) + Data("x\ny".utf8) + [0xE2, 0x82]).dropFirst(2)
    #expect(
      TextEncoding.obstacle(in: cut)?.hasPrefix("is not text in UTF-8: byte 2 of line 2 is 0xE2")
        ?? false)
    #expect(TextEncoding.obstacle(in: Data([0x80]))?.contains("byte 1 of line 1 is 0x80") ?? false)
  }

  @Test("text in UTF-8 is taken, without its mark")
  func taken() throws {
    for text in ["", "a", "naïve ✓ 𝄞\n", "a\0b"] {
      #expect(TextEncoding.obstacle(in: Data(text.utf8)) == nil, "\(text)")
      #expect(try TextEncoding.text(Data(text.utf8)) == text)
      #expect(try TextEncoding.text(Data(TextEncoding.mark) + Data(text.utf8)) == text)
    }
    // Sizes in little-endian words, as files of tensors begin, are no letters.
    #expect(TextEncoding.obstacle(in: Data([64, 0, 0, 0, 0, 0, 0, 0])) == nil)
    let error = #expect(throws: RegularFileError.self) { try TextEncoding.text(Data([0xFF])) }
    #expect(error?.code == .notText)
  }
}
