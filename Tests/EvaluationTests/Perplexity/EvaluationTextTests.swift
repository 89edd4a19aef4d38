// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Testing
import Text

@Suite("Text to evaluate on") struct EvaluationTextTests {
  @Test(
    "words are runs without white space",
    arguments: [
      ("", 0, 0), (" \n\t ", 0, 4), ("one", 1, 3), (" one  two\nthree\r\n", 3, 17),
      ("naïve\u{a0}café", 2, 13), ("一二\u{3000}三", 2, 12), ("a-b c'd", 2, 7),
      ("\u{2003}\u{2028}x\u{85}y", 2, 10), ("🌳", 1, 4), ("a\u{200b}b", 1, 5),
    ])
  func words(_ text: String, _ words: Int, _ bytes: Int) {
    var measure = TextMeasure()
    measure.add(text)
    #expect(measure.wordCount == words)
    #expect(measure.byteCount == bytes)
  }

  @Test("a word goes on across pieces, but not across documents") func pieces() {
    var measure = TextMeasure()
    measure.add("some")
    measure.add("thing el")
    measure.add("se")
    #expect(measure.wordCount == 2)
    measure.endDocument()
    measure.add("where")
    #expect(measure.wordCount == 3)
    #expect(measure.byteCount == 19)
  }

  @Test("end-of-text tokens stand between documents, and count as no text") func documents() throws
  {
    try withTemporaryFolder { folder in
      let plain = folder.appending(path: "a.txt")
      let lines = folder.appending(path: "b.jsonl")
      try Data("one two".utf8).write(to: plain)
      try Data("{\"text\": \"three\"}\n{\"text\": \"\"}\n\n{\"text\": \"é\"}\n".utf8).write(
        to: lines)
      let tokenizer = ByteTokenizer()
      let text = try EvaluationText.read(
        try CorpusInput.find([folder.path]), tokenizer: tokenizer, beginTokens: [7])
      let expected =
        [7] + tokenizer.encode("one two") + [256] + tokenizer.encode("three") + [256]
        + tokenizer.encode("é")
      #expect(text.tokens == expected)
      #expect(text.documentCount == 3)
      #expect(text.measure.wordCount == 4)
      #expect(text.measure.byteCount == 7 + 5 + 2)

      let row = try InMemoryTokens(Array(expected.dropFirst()), vocabularySize: 257)
      let decoded = try TextMeasure(decoding: row, endOfText: 256, tokenizer: tokenizer)
      #expect(decoded.wordCount == 4)
      #expect(decoded.byteCount == 14)
    }
  }

  @Test("a long file gives the ids of the whole") func longFile() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "long.txt")
      let text = String(repeating: "The quick brown fox is naïve.\n", count: 90_000)
      try Data(text.utf8).write(to: file)
      let read = try EvaluationText.read(
        try CorpusInput.find([file.path]), tokenizer: ByteTokenizer())
      #expect(read.tokens.count == text.utf8.count)
      #expect(read.tokens == text.utf8.map { Int32($0) })
      #expect(read.measure.wordCount == 6 * 90_000)
      #expect(read.documentCount == 1)
    }
  }

  @Test("a bad line is named") func badLine() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "bad.jsonl")
      try Data("{\"text\": \"good\"}\n{\"txt\": 1}\n".utf8).write(to: file)
      let error = #expect(throws: TextError.self) {
        try EvaluationText.read(try CorpusInput.find([file.path]), tokenizer: ByteTokenizer())
      }
      #expect(error?.subject.hasSuffix("bad.jsonl:2") == true)
    }
  }
}
