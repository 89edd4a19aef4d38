// SPDX-License-Identifier: Apache-2.0
import Testing
import Text

@Suite struct SafeCutTests {
  @Test(arguments: [
    ("one.\nTwo", 5), ("one two", 3), ("one\ntwo three", 7), ("文。\n字", 7), ("x\né", 2),
  ]) func cutsBetweenWords(text: String, place: Int) {
    #expect(Array(text.utf8).withUnsafeBytes(SafeCut.last) == place)
  }

  @Test(arguments: [
    "", "a", "one\n\ntwo", "one\r\ntwo", "one  two", "one\n two", "one. two", "one\n2", "\none",
    "one\t\ntwo", "one\n", " one", "\u{1c}\none", "e\u{301}\none",
  ]) func cutsNoRunsOfWhitespace(text: String) {
    #expect(Array(text.utf8).withUnsafeBytes(SafeCut.last) == nil)
  }

  @Test func cutsNothingBesideBrokenText() {
    for bytes: [UInt8] in [
      [0xff, 0x0a, 0x61], [0x61, 0x0a, 0xc3], [0x61, 0x0a, 0xe0, 0x80, 0x80],
    ] {
      #expect(bytes.withUnsafeBytes(SafeCut.last) == nil)
    }
  }

  @Test(arguments: [
    ("abcd", 4), ("abcé", 5), ("文", 3), ("a👩", 5),
  ]) func keepsCharactersWhole(text: String, count: Int) {
    let bytes = Array(text.utf8)
    #expect(bytes.withUnsafeBytes(SafeCut.lastCharacterBoundary) == count)
    // Without its last byte the last character is no longer whole.
    let start = text.dropLast().utf8.count
    if start > 0 && bytes.count - start > 1 {
      #expect(bytes.dropLast().withUnsafeBytes(SafeCut.lastCharacterBoundary) == start)
    }
  }

  @Test(arguments: PatternTokenizer.Pattern.allCases, [UInt64](0..<6))
  func partsGiveTheIdsOfTheWhole(pattern: PatternTokenizer.Pattern, seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let text = variedText(byteCount: 4000, seed: seed)
    let path = try folder.write("text.txt", text)
    let tokenizer = PatternTokenizer(pattern: pattern)
    var pieceCount = 0
    for pieceByteCount in [16, 64, 500] {
      var limits = CorpusReader.Limits()
      limits.pieceByteCount = pieceByteCount
      let reader = CorpusReader(try CorpusInput.find([path]), limits: limits)
      while try reader.next() != nil { pieceCount += 1 }
      let dataset = try prepared(
        [path], in: folder, name: "tokens-\(pieceByteCount)", tokenizer: tokenizer
      ) { $0.limits = limits }
      #expect(try dataset.train.allTokens() == tokenizer.encode(text) + [100_000])
    }
    #expect(pieceCount > 60, "\(pieceCount)")
  }
}
