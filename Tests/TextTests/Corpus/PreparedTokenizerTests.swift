// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct PreparedTokenizerTests {
  /// Prepares a text in small pieces, and expects the ids of the whole.
  private func expectIdsOfWhole(_ text: String, with tokenizer: some Tokenizer) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("text.txt", text)
    for pieceByteCount in [32, 1000] {
      let dataset = try prepared(
        [path], in: folder, name: "tokens-\(pieceByteCount)", tokenizer: tokenizer
      ) { $0.limits.pieceByteCount = pieceByteCount }
      let end = try #require(tokenizer.endOfText)
      #expect(try dataset.train.allTokens() == tokenizer.encode(text) + [end])
      let again = try TokenizerLoader.load(from: dataset.tokenizerURL)
      #expect(again.encode(text) == tokenizer.encode(text))
      #expect(again.fingerprint == dataset.manifest.tokenizerFingerprint)
    }
  }

  @Test(arguments: WordPattern.allCases) func bytePairs(pattern: WordPattern) throws {
    let text = variedText(byteCount: 20_000, seed: 5)
    let tokenizer = try BPETrainer.train(
      documents: [Array(text.utf8)], .init(vocabularySize: 600, pattern: pattern))
    #expect(tokenizer.vocabularySize > 500)
    try expectIdsOfWhole(text, with: tokenizer)
  }

  @Test func bytes() throws {
    try expectIdsOfWhole(variedText(byteCount: 5000, seed: 6), with: ByteTokenizer())
  }

  /// A tokenizer's golden file with an end of text, which not all of them have.
  private struct Ended: Tokenizer {
    var base: any Tokenizer
    var vocabularySize: Int { base.vocabularySize + 1 }
    var endOfText: Int32? { Int32(base.vocabularySize) }
    func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32] {
      base.encode(utf8, allowsSpecialTokens: allowsSpecialTokens)
    }
    func decode(_ ids: some Sequence<Int32>) -> [UInt8] { base.decode(ids) }
    func tokenizerJSON() throws -> Data { try base.tokenizerJSON() }
    var fingerprint: String { base.fingerprint }
  }

  private static let goldens: [URL] = {
    guard let resources = Bundle.module.resourceURL else { return [] }
    let folder = resources.appendingPathComponent("Goldens/tokenizers")
    let files = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return (files ?? []).filter { $0.lastPathComponent.hasSuffix(".tokenizer.json") }
      .sorted { $0.path < $1.path }
  }()

  @Test func thereAreGoldens() { #expect(Self.goldens.count >= 5) }

  @Test(arguments: goldens) func publishedKinds(file: URL) throws {
    let tokenizer = Ended(base: try TokenizerLoader.load(from: file))
    try expectIdsOfWhole(variedText(byteCount: 5000, seed: 7), with: tokenizer)
  }

  @Test func trainingOnPiecesIsTrainingOnTheWhole() throws {
    let folder = try TemporaryFolder()
    // More than one piece of the usual size, with a document in JSON beside it.
    let text = variedText(byteCount: 1_200_000, seed: 8)
    let paths = [
      try folder.write("a.txt", text),
      try folder.write("b.jsonl", "{\"text\": \"a document of its own\"}\n"),
    ]
    var lastProgress = (done: 0, total: 0)
    var training = BytePairTraining(vocabularySize: 400)
    training.threadCount = 2
    let trained = try training.run(try CorpusInput.find(paths)) { done, total in
      lastProgress = (done, total ?? 0)
    }
    let whole = try BPETrainer.train(
      documents: [Array(text.utf8), Array("a document of its own".utf8)],
      .init(vocabularySize: 400))
    #expect(trained.tokenizerJSON() == whole.tokenizerJSON())
    #expect(lastProgress.done == lastProgress.total && lastProgress.total > text.utf8.count)
  }

  @Test func trainingRefusesWhatCannotBeReadTwice() {
    let error = textError {
      _ = try BytePairTraining(vocabularySize: 400).run(try CorpusInput.find(["-"]))
    }
    #expect(error?.code == .unreadableInput && error?.subject == "standard input")
  }
}
