// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite("Long texts in parts")
struct PartsTests {
  /// All texts of the goldens in one, again and again.
  private static func longText() throws -> Data {
    // Long enough that the threads get more than one part.
    let all = try TokenizerGoldens.texts().reduce(into: Data()) { $0 += $1 + Data([0x20]) }
    return Data(repeatElement(all, count: 4).joined())
  }

  /// A family's tokenizer without its tokens that swallow spaces.
  private static func tokenizer(_ family: String) throws -> any Tokenizer {
    let url = try TokenizerGoldens.url("\(family).tokenizer.json")
    let json = try String(decoding: Data(contentsOf: url), as: UTF8.self)
    let plain = json.replacingOccurrences(of: #""rstrip":true"#, with: #""rstrip":false"#)
    #expect(plain != json)
    return try TokenizerLoader.tokenizer(json: Data(plain.utf8), subject: family)
  }

  @Test("Ids of the parts are the ids of the whole", arguments: TokenizerGoldens.families)
  func parts(family: String) throws {
    let tokenizer = try Self.tokenizer(family)
    let isDivisible = ["gpt2", "llama3", "qwen2", "nfkd", "smollm", "digit-runs"].contains(family)
    try Self.longText().withUnsafeBytes { text in
      let text = isDivisible ? text : UnsafeRawBufferPointer(rebasing: text[..<100_000])
      let parts = tokenizer.parts(of: text, size: 997)
      #expect((parts.count > 50) == isDivisible)
      #expect(parts.first?.lowerBound == 0)
      #expect(parts.last?.upperBound == text.count)
      let joined = parts.flatMap {
        tokenizer.encode(UnsafeRawBufferPointer(rebasing: text[$0]), allowsSpecialTokens: true)
      }
      let whole = tokenizer.encode(text, allowsSpecialTokens: true)
      #expect(joined == whole)
      let parallel = tokenizer.encode(text, allowsSpecialTokens: true, threadCount: 3)
      #expect(parallel == whole)
    }
  }

  @Test("Tokens that swallow spaces forbid cuts")
  func swallowing() throws {
    let tokenizer = try TokenizerGoldens.family("gpt2").tokenizer
    let text = Data(String(repeating: "word ", count: 1000).utf8)
    text.withUnsafeBytes { #expect(tokenizer.parts(of: $0, size: 100).count == 1) }
    text.withUnsafeBytes { #expect(ByteTokenizer().parts(of: $0, size: 100).count == 50) }
  }

  @Test("An empty text has one empty part")
  func empty() {
    let parts = ByteTokenizer().parts(of: UnsafeRawBufferPointer(start: nil, count: 0), size: 10)
    #expect(parts == [0..<0])
    #expect(ByteTokenizer().encode(documents: [Data]()) == [])
  }
}
