// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import GoldenModels
import Testing
import Text

@Suite("Texts of tokens") struct TokenTextsTests {
  @Test(
    "token by token gives what decoding the whole gives",
    arguments: ["gpt2", "llama2", "llama3", "mistral", "smollm"])
  func streaming(_ name: String) throws {
    let tokenizer = try publishedTokenizer(name)
    let text = " Once upon  a time, 🌳 naïve\n\tcafés said “一二”! "
    let ids = [tokenizer.endOfText].compactMap { $0 } + tokenizer.encode(text)
    let whole = tokenizer.decode(ids)
    for count in 1..<ids.count {
      let prompt = tokenizer.decode(ids[..<count])
      let rest = (count..<ids.count).flatMap {
        TokenTexts.tokenizer(tokenizer).bytes(of: ids[$0], after: ids[$0 - 1])
      }
      #expect(prompt + rest == whole, "after \(count) tokens")
    }
  }

  @Test(
    "context and last word together are the whole text's ids",
    arguments: ["gpt2", "llama2", "llama3", "mistral", "smollm"])
  func lastWords(_ name: String) throws {
    let tokenizer = try publishedTokenizer(name)
    for text in ["“It’s late,” said the old man, and went to bed", "1 + 1 is 2", "naïve cafés"] {
      let example = try LastWordExample(text, tokenizer: tokenizer)
      #expect(example.context + example.target == tokenizer.encode(text))
    }
  }
}

/// A tokenizer of the Text target's goldens.
func publishedTokenizer(_ name: String) throws -> any Tokenizer {
  try TokenizerLoader.load(
    from: packageRoot.appending(
      path: "Tests/TextTests/Goldens/tokenizers/\(name).tokenizer.json"))
}
