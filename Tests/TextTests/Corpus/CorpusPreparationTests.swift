// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Text

@Suite struct CorpusPreparationTests {
  private let end: Int32 = 256

  private func ids(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } + [end] }

  @Test func keepsDocumentsApart() throws {
    let folder = try TemporaryFolder()
    let paths = [
      try folder.write("a.txt", "one\ntwo"),
      try folder.write("b.jsonl", "{\"text\": \"x\\ny\"}\n\n{\"text\": \"é\", \"id\": 4}\r\n"),
      try folder.write("c.txt", ""),
      try folder.write("d.txt", "three"),
    ]
    let dataset = try prepared(paths, in: folder)
    let expected = ids("one\ntwo") + ids("x\ny") + ids("é") + ids("three")
    #expect(try dataset.train.allTokens() == expected)
    #expect(dataset.validation == nil)
    #expect(dataset.manifest.splits["train"]?.documentCount == 4)
    #expect(dataset.manifest.textByteCount == expected.count - 4)
    #expect(dataset.manifest.tokenType == .uint16)
    #expect(dataset.manifest.validation.rule == .none)
  }

  @Test func splitsByDocument() throws {
    let folder = try TemporaryFolder()
    let documents = (0..<2000).map { "document \($0)" }
    let lines = documents.map { "{\"text\": \"\($0)\"}" }.joined(separator: "\n")
    let path = try folder.write("all.jsonl", lines)
    let dataset = try prepared([path], in: folder) {
      $0.validation = .fraction(0.1)
      $0.seed = 5
    }
    func texts(_ source: (any TokenSource)?) throws -> [String] {
      try #require(source).allTokens().split(separator: end).map {
        PlainByteTokenizer().decodeText($0)
      }
    }
    let (train, held) = (try texts(dataset.train), try texts(dataset.validation))
    #expect(Set(train).union(held) == Set(documents))
    #expect(train.count + held.count == documents.count)
    // Four standard deviations about a tenth of 2000.
    #expect((146...254).contains(held.count))
    // Both keep the documents' order.
    #expect(train == documents.filter(Set(train).contains))
    #expect(held == documents.filter(Set(held).contains))
    #expect(dataset.manifest.validation.rule == .documents)
    let other = try prepared([path], in: folder, name: "other") {
      $0.validation = .fraction(0.1)
      $0.seed = 6
    }
    #expect(try texts(other.validation) != held)
  }

  @Test(arguments: [UInt64](0..<8)) func cutsASingleDocumentByPosition(seed: UInt64) throws {
    let folder = try TemporaryFolder()
    let text = variedText(byteCount: 5000, seed: seed)
    let dataset = try prepared([try folder.write("a.txt", text)], in: folder) {
      $0.validation = .fraction(0.3)
      $0.seed = seed
      $0.tokensPerShard = 700
    }
    let (train, held) = (try dataset.train.allTokens(), try dataset.validation?.allTokens())
    let all = ids(text)
    #expect(train + (held ?? []) == all)
    #expect(held?.count == Int((Double(all.count) * 0.3).rounded()))
    #expect(dataset.manifest.validation.rule == .position)
    for name in ["train", "validation"] {
      let split = try #require(dataset.manifest.splits[name])
      #expect(split.documentCount == 1)
      #expect(split.shards.dropLast().allSatisfy { $0.tokenCount == 700 })
      #expect(split.shards.map(\.file) == (0..<split.shards.count).map { "\(name)-0000\($0).bin" })
    }
    let written = try FileManager.default.contentsOfDirectory(atPath: dataset.url.path)
    #expect(written.count == dataset.manifest.splits.values.reduce(2) { $0 + $1.shards.count })
  }

  @Test func takesValidationFiles() throws {
    let folder = try TemporaryFolder()
    let train = try folder.write("a.txt", "train")
    let held = try folder.write("b.txt", "held out")
    let dataset = try prepared([train], in: folder) {
      $0.validation = .inputs(try CorpusInput.find([held]))
    }
    #expect(try dataset.train.allTokens() == ids("train"))
    #expect(try dataset.validation?.allTokens() == ids("held out"))
    #expect(dataset.manifest.validation.rule == .files)
  }

  @Test func givesTheSameBytesOnAnyNumberOfThreads() throws {
    let folder = try TemporaryFolder()
    try folder.write("in/big.txt", variedText(byteCount: 60_000, seed: 1))
    for index in 0..<30 {
      try folder.write("in/\(index).txt", variedText(byteCount: 900, seed: UInt64(index)))
    }
    let lines = (0..<500).map { "{\"text\": \"line \($0) of the lines\"}" }
    try folder.write("in/lines.jsonl", lines.joined(separator: "\n"))
    var contents: [[String: Data]] = []
    for threads in [1, 2, 5] {
      let dataset = try prepared(
        [folder.url.appendingPathComponent("in").path], in: folder, name: "tokens-\(threads)",
        tokenizer: PatternTokenizer(pattern: .gpt2)
      ) {
        $0.threadCount = threads
        $0.validation = .fraction(0.2)
        $0.tokensPerShard = 3000
        $0.limits.pieceByteCount = 1000
      }
      #expect(dataset.manifest.tokenType == .uint32)
      let names = try FileManager.default.contentsOfDirectory(atPath: dataset.url.path)
      contents.append(
        try Dictionary(
          uniqueKeysWithValues: names.map {
            ($0, try Data(contentsOf: dataset.url.appendingPathComponent($0)))
          }))
    }
    #expect(contents[0].count > 6)
    #expect(contents[1] == contents[0])
    #expect(contents[2] == contents[0])
  }

  @Test func namesBadLinesOrCountsThem() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "a.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n{\"text\": \"c\"}\nx")
    let error = textError { _ = try prepared([path], in: folder) }
    #expect(error?.code == .unreadableInput && error?.subject == "\(path):2")
    #expect(try folder.contents() == ["a.jsonl"])
    var configuration = CorpusPreparation.Configuration(inputs: try CorpusInput.find([path]))
    configuration.badLines = .skip
    let url = folder.url.appendingPathComponent("tokens")
    let summary = try CorpusPreparation(configuration).run(
      tokenizer: PlainByteTokenizer(), to: url)
    #expect(summary.badLineCount == 2)
    #expect(try TokenDataset.open(url).train.allTokens() == ids("a") + ids("c"))
  }

  @Test func leavesNothingWhenInterrupted() throws {
    struct Interruption: Error {}
    let folder = try TemporaryFolder()
    let path = try folder.write("a.txt", variedText(byteCount: 50_000, seed: 2))
    var configuration = CorpusPreparation.Configuration(inputs: try CorpusInput.find([path]))
    configuration.limits.pieceByteCount = 1000
    var calls = 0
    #expect(throws: Interruption.self) {
      _ = try CorpusPreparation(configuration).run(
        tokenizer: PlainByteTokenizer(), to: folder.url.appendingPathComponent("tokens")
      ) { progress in
        #expect(progress.totalBytes.map { progress.bytesRead <= $0 } == true)
        calls += 1
        if calls == 5 { throw Interruption() }
      }
    }
    #expect(calls == 5)
    #expect(try folder.contents() == ["a.txt"])
  }

  @Test func overwritesOnlyWhatItWrote() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.txt", "first")
    _ = try prepared([path], in: folder)
    try folder.write("a.txt", "second")
    #expect(textError { _ = try prepared([path], in: folder) }?.code == .invalidShard)
    let dataset = try prepared([path], in: folder) { $0.overwrites = true }
    #expect(try dataset.train.allTokens() == ids("second"))
    #expect(try folder.contents() == ["a.txt", "tokens"])
    try folder.write("mine/precious", "x")
    let error = textError {
      _ = try prepared([path], in: folder, name: "mine") { $0.overwrites = true }
    }
    #expect(error?.code == .invalidShard)
    #expect(try folder.contents() == ["a.txt", "mine", "tokens"])
  }

  @Test func saysWhatIsMissing() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("a.txt", "")
    #expect(textError { _ = try prepared([path], in: folder) }?.code == .insufficientTokens)
    let error = textError { _ = try prepared([path], in: folder) { $0.validation = .fraction(1) } }
    #expect(error?.subject == "validation fraction")
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func saysThatTheDiskIsFull() throws {
    let device = URL(fileURLWithPath: "/dev/full")
    let shard = try ShardFile(device, tokenType: .uint16, endOfText: 0, flags: O_WRONLY)
    let error = textError {
      try [UInt8](repeating: 1, count: 1 << 20).withUnsafeBytes { try shard.append($0) }
    }
    #expect(error?.message.contains("no space left") == true)
    #expect(error?.message.contains("make room") == true)
    #expect(error?.subject == device.path)
  }
}
