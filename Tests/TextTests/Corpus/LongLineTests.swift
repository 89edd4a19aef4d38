// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct LongLineTests {
  private func document(_ byteCount: Int, seed: UInt64) throws -> (text: String, line: String) {
    let text = variedText(byteCount: byteCount, seed: seed)
    let line = String(decoding: try JSONEncoder().encode(["text": text]), as: UTF8.self)
    return (text, line)
  }

  /// A long line's text comes in parts, and its tokens are those of the whole.
  @Test(arguments: PatternTokenizer.Pattern.allCases, [100, 1000])
  func tokensAreThoseOfTheWhole(pattern: PatternTokenizer.Pattern, pieceByteCount: Int) throws {
    let folder = try TemporaryFolder()
    let sizes = [20, 30_000, 5, 9000, 9000, 40, 30]
    let documents = try sizes.enumerated().map { try document($1, seed: UInt64($0)) }
    let lines = documents.map(\.line).joined(separator: "\n") + "\n"
    let path = try folder.write("a.jsonl", lines)
    let tokenizer = PatternTokenizer(pattern: pattern)
    let dataset = try prepared([path], in: folder, tokenizer: tokenizer) {
      $0.limits.pieceByteCount = pieceByteCount
    }
    var expected: [Int32] = []
    for document in documents { expected += tokenizer.encode(document.text) + [100_000] }
    #expect(try dataset.train.allTokens() == expected)
    #expect(dataset.manifest.splits["train"]?.documentCount == documents.count)
  }

  @Test func badLongLinesAreNamedOrCounted() throws {
    let folder = try TemporaryFolder()
    let long = try document(9000, seed: 1).line
    let path = try folder.write(
      "a.jsonl",
      ["{\"text\": \"a\"}", String(long.dropLast()), "", long, "x"].joined(separator: "\n"))
    let error = textError {
      _ = try prepared([path], in: folder) { $0.limits.pieceByteCount = 100 }
    }
    #expect(error?.subject == "\(path):2")
    var configuration = CorpusPreparation.Configuration(inputs: try CorpusInput.find([path]))
    configuration.badLines = .skip
    configuration.limits.pieceByteCount = 100
    let summary = try CorpusPreparation(configuration).run(
      tokenizer: PlainByteTokenizer(), to: folder.url.appendingPathComponent("tokens"))
    #expect(summary.badLines == ["not JSON": 2])
    #expect(summary.manifest.splits["train"]?.documentCount == 2)
  }
}
