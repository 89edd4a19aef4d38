// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct ValidationShareTests {
  /// Sizes of documents as in folders that people have: few large, many small; of another seed than
  /// the choice, so that they have nothing to do with it.
  private func sizes(_ count: Int, seed: UInt64, spread: Double = 2.5) -> [Int] {
    (0..<count).map {
      Int(200 * exp(spread * SeededHash.unitValue(seed: seed &+ 1000, index: UInt64($0))))
    }
  }

  private func share(_ dataset: TokenDataset) -> Double {
    let held = Double(dataset.validation?.tokenCount ?? 0)
    return held / (held + Double(dataset.train.tokenCount))
  }

  private func text(_ size: Int) -> String { String(repeating: "word ", count: size / 5) }

  @Test(arguments: [UInt64](0..<8)) func twoPercentOfAFolderAreTwoPercent(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    for (index, size) in sizes(171, seed: seed).enumerated() {
      try folder.write("in/\(index).txt", text(size))
    }
    let path = folder.url.appendingPathComponent("in").path
    var texts: [[Int32]] = []
    for run in 0..<2 {
      let dataset = try prepared([path], in: folder, name: "tokens-\(run)") {
        $0.validation = .fraction(0.02)
        $0.seed = seed
        $0.threadCount = 1 + run
      }
      #expect(dataset.manifest.validation.rule == .documents)
      #expect((0.013...0.03).contains(share(dataset)), "\(share(dataset))")
      texts.append(try dataset.validation?.allTokens() ?? [])
    }
    #expect(texts[0] == texts[1])
  }

  @Test(arguments: [UInt64](0..<6), [0.01, 0.1, 0.5])
  func linesOfAnySizeGiveTheShare(seed: UInt64, fraction: Double) throws {
    let folder = try TemporaryFolder()
    let lines = sizes(600, seed: seed, spread: 3).map { "{\"text\": \"\(text($0))\"}" }
    let path = try folder.write("a.jsonl", lines.joined(separator: "\n"))
    let dataset = try prepared([path], in: folder) {
      $0.validation = .fraction(fraction)
      $0.seed = seed
    }
    #expect(dataset.manifest.validation.rule == .documents)
    #expect(abs(share(dataset) / fraction - 1) < 0.3, "\(share(dataset))")
  }

  /// Of few files of one size none is a fiftieth: then the text's end is.
  @Test func aFewLargeDocumentsAreCut() throws {
    let folder = try TemporaryFolder()
    for index in 0..<10 { try folder.write("in/\(index).txt", text(2000)) }
    try folder.write("in/small.txt", "tiny")
    let dataset = try prepared([folder.url.appendingPathComponent("in").path], in: folder) {
      $0.validation = .fraction(0.02)
    }
    #expect(dataset.manifest.validation.rule == .position)
    #expect(abs(share(dataset) - 0.02) < 0.001)
  }

  @Test func aLargeDocumentAmongSmallOnesDoesNotValidate() throws {
    let folder = try TemporaryFolder()
    try folder.write("in/large.txt", text(60_000))
    for index in 0..<100 { try folder.write("in/\(index).txt", text(400)) }
    for seed in UInt64(0)..<6 {
      let dataset = try prepared(
        [folder.url.appendingPathComponent("in").path], in: folder, name: "tokens-\(seed)"
      ) {
        $0.validation = .fraction(0.05)
        $0.seed = seed
      }
      #expect((0.035...0.07).contains(share(dataset)), "\(share(dataset))")
    }
  }

  /// Each document has about the same chance, wherever it stands.
  @Test func everyPlaceIsChosen() throws {
    let folder = try TemporaryFolder()
    let lines = (0..<40).map { "{\"text\": \"document \(10 + $0)\"}" }
    let path = try folder.write("a.jsonl", lines.joined(separator: "\n"))
    var counts: [String: Int] = [:]
    for seed in UInt64(0)..<60 {
      let held = try prepared([path], in: folder, name: "tokens-\(seed)") {
        $0.validation = .fraction(0.1)
        $0.seed = seed
      }.validation
      let texts = try #require(held).allTokens().split(separator: 256)
      for text in texts { counts[PlainByteTokenizer().decodeText(text), default: 0] += 1 }
    }
    // 60 draws of a tenth: 6 each, and none is four standard deviations from that.
    #expect(counts.count == 40)
    #expect(counts.values.allSatisfy { (1...16).contains($0) })
  }

  @Test func aVocabularyThatTheTextDoesNotFillIsTold() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.txt", text(400))
    let training = BytePairTraining(vocabularySize: 5000)
    let tokenizer = try training.run(try CorpusInput.find([path]))
    let remark = training.remark(on: tokenizer)
    #expect(remark?.contains("only \(tokenizer.vocabularySize) of the 5000") == true)
    #expect(BytePairTraining(vocabularySize: 257).remark(on: ByteTokenizer()) == nil)
  }
}
