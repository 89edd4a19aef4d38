// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite("Training gives the reference's merges")
struct TrainerTests {
  private struct Golden: Decodable {
    struct Run: Decodable {
      var vocabularySize: Int
      var minimumFrequency: Int
      var pattern: String
      var merges: [String]
      var vocabulary: [String]
    }
    var documents: [String]
    var runs: [Run]
  }

  private struct File: Decodable {
    struct Model: Decodable {
      var merges: [String]
      var vocab: [String: Int]
    }
    var model: Model
  }

  private static func golden() throws -> Golden {
    try TokenizerGoldens.decode("training.golden.json", as: Golden.self)
  }

  @Test("Merges and vocabulary", arguments: 0..<5, [1, 3])
  func merges(run: Int, threadCount: Int) throws {
    let golden = try Self.golden()
    let run = golden.runs[run]
    let tokenizer = try BPETrainer.train(
      documents: golden.documents.map { Data($0.utf8) },
      .init(
        vocabularySize: run.vocabularySize, minimumFrequency: run.minimumFrequency,
        pattern: try #require(WordPattern(rawValue: run.pattern)), threadCount: threadCount))
    let file = try JSONDecoder().decode(File.self, from: tokenizer.tokenizerJSON())
    #expect(file.model.merges == run.merges)
    let vocabulary = file.model.vocab.sorted { $0.value < $1.value }.map(\.key)
    #expect(vocabulary == run.vocabulary)
    #expect(tokenizer.endOfText == 0)
  }

  @Test("One long document and many short ones count the same words")
  func longDocument() throws {
    let golden = try Self.golden()
    let text = golden.documents.joined(separator: " ")
    let many = Data(String(repeating: text + "\n", count: 12).utf8)
    #expect(many.count > 1 << 18)
    var trainer = BPETrainer(.init(vocabularySize: 800, threadCount: 3))
    trainer.add(many)
    let long = try trainer.train()
    var single = BPETrainer(.init(vocabularySize: 800, threadCount: 1))
    for _ in 0..<12 { single.add(Data((text + "\n").utf8)) }
    #expect(try single.train().fingerprint == long.fingerprint)
  }

  @Test("Too small a vocabulary is an error, too small a text is not")
  func bounds() throws {
    #expect(throws: TextError.self) {
      try BPETrainer.train(documents: [Data()], .init(vocabularySize: 256))
    }
    let none = try BPETrainer.train(documents: [Data()], .init(vocabularySize: 1000))
    #expect(none.vocabularySize == 257)
    #expect(none.decodeText(none.encode("aé\n")) == "aé\n")
    let few = try BPETrainer.train(
      documents: [Data("ab ab ab".utf8)], .init(vocabularySize: 1000, endOfText: nil))
    #expect(few.vocabularySize == 258)
    #expect(few.endOfText == nil)
  }

  @Test("Progress ends with the last token")
  func progress() throws {
    var last: BPETrainer.Progress?
    let golden = try Self.golden()
    _ = try BPETrainer.train(
      documents: golden.documents.map { Data($0.utf8) }, .init(vocabularySize: 400)
    ) { last = $0 }
    #expect(last == .merging(tokens: 400, wanted: 400))
  }

  @Test("What progress throws while pairs are merged ends the training")
  func endedByProgress() throws {
    let golden = try Self.golden()
    var merged = 0
    #expect(throws: CancellationError.self) {
      try BPETrainer.train(
        documents: golden.documents.map { Data($0.utf8) }, .init(vocabularySize: 400)
      ) {
        guard case .merging = $0 else { return }
        merged += 1
        throw CancellationError()
      }
    }
    #expect(merged == 1)
  }
}
