// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite("The byte tokenizer")
struct ByteTokenizerTests {
  let tokenizer = ByteTokenizer()

  @Test("Ids are bytes")
  func bytes() {
    #expect(tokenizer.encode("a\u{E9}\n") == [97, 0xC3, 0xA9, 10])
    #expect(tokenizer.vocabularySize == 257)
    #expect(tokenizer.endOfText == 256)
    #expect(tokenizer.decode([0xC3, 0xA9, 257, -1]) == [0xC3, 0xA9])
  }

  @Test("Bytes that are not UTF-8 stay as they are, and come back")
  func anyBytes() {
    #expect(tokenizer.encode(bytes: [0xFF, 0x61] as [UInt8]) == [0xFF, 0x61])
    let all = (0..<65536).flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    for allowsSpecialTokens in [false, true] {
      let ids = tokenizer.encode(bytes: all, allowsSpecialTokens: allowsSpecialTokens)
      #expect(ids == all.map(Int32.init))
      #expect(tokenizer.decode(ids) == all)
    }
    let broken = [0xC3] + Array("<|endoftext|>".utf8) + [0x80]
    #expect(tokenizer.encode(bytes: broken, allowsSpecialTokens: true) == [0xC3, 256, 0x80])
  }

  @Test("The end of text is special only where that is asked for")
  func endOfText() {
    #expect(tokenizer.encode("a<|endoftext|>", allowsSpecialTokens: true) == [97, 256])
    #expect(tokenizer.encode("<|endoftext|>") == Array("<|endoftext|>".utf8).map(Int32.init))
    #expect(tokenizer.decodeText([97, 256]) == "a<|endoftext|>")
  }

  @Test("The reference's file opens as this tokenizer, and its ids are the reference's")
  func reference() throws {
    let url = try TokenizerGoldens.url("bytes.tokenizer.json")
    #expect(try TokenizerLoader.load(from: url) is ByteTokenizer)
    let golden = try TokenizerGoldens.decode("bytes.ids.json", as: [[Int32]].self)
    for (index, bytes) in try TokenizerGoldens.texts().enumerated() {
      // The reference takes only text, and has U+FFFD for what is none.
      guard String(validating: bytes, as: UTF8.self) != nil else { continue }
      #expect(tokenizer.encode(bytes: bytes, allowsSpecialTokens: true) == golden[index])
    }
  }

  @Test("Its file gives it back, and the same ids as a general tokenizer")
  func file() throws {
    let json = tokenizer.tokenizerJSON()
    let again = try TokenizerLoader.tokenizer(json: json, subject: "bytes")
    #expect(again is ByteTokenizer)
    #expect(again.fingerprint == tokenizer.fingerprint)
    // With one more token the file is a general one: its words must still be single bytes.
    let text = String(decoding: json, as: UTF8.self)
    let more = text.replacingOccurrences(
      of: "\"added_tokens\": [",
      with: "\"added_tokens\": [{\"id\": 256, \"content\": \"<|endoftext|>\", \"special\": true}, "
        + "{\"id\": 257, \"content\": \"<more>\", \"special\": true},")
    let general = try TokenizerLoader.tokenizer(json: Data(more.utf8), subject: "bytes and more")
    #expect(general is BPETokenizer)
    for bytes in try TokenizerGoldens.texts() {
      guard String(validating: bytes, as: UTF8.self) != nil else { continue }
      for special in [false, true] {
        #expect(
          general.encode(bytes: bytes, allowsSpecialTokens: special)
            == tokenizer.encode(bytes: bytes, allowsSpecialTokens: special))
      }
    }
  }
}
