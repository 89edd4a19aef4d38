// SPDX-License-Identifier: Apache-2.0
import Espalier
import Foundation
import Testing

@Suite("Evaluate and generate")
struct EvaluateAndGenerateTests {
  private struct Report: Decodable {
    var model: String
    var contextLength: Int
    var stride: Int?
    var perplexity: PerplexityResult?
    var lastWord: LastWordResult?
  }

  private struct Texts: Decodable {
    var prompt: String?
    var promptTokens: [Int32]
    var seed: UInt64
    var generations: [Generation]
  }

  /// A workplace with a run of three steps.
  private func trained() throws -> CommandWorkplace {
    let place = try CommandWorkplace()
    let training = try BuiltCommand.run(
      ["train", "recipe.yaml", "-o", "run", "--set", "stop.after=3 steps", "--quiet"],
      in: place.url)
    #expect(training.status == 0, "\(training.errors)")
    return place
  }

  private func read<Value: Decodable>(
    _ type: Value.Type, _ arguments: [String], in place: CommandWorkplace
  ) throws -> Value {
    let result = try BuiltCommand.run(arguments + ["--json"], in: place.url)
    #expect(result.status == 0, "\(result.errors)")
    return try JSONDecoder().decode(type, from: Data(result.output.utf8))
  }

  @Test("evaluate measures text, tokens and last words")
  func evaluate() throws {
    let place = try trained()
    let text = try String(contentsOf: place.url.appending(path: "corpus.txt"), encoding: .utf8)
    let report = try read(
      Report.self, ["evaluate", "run", "--text", "corpus.txt", "--stride", "5"], in: place)
    let result = try #require(report.perplexity)
    #expect(report.model.hasSuffix("run/checkpoints/step-00000003"))
    #expect(report.contextLength == 16 && report.stride == 5)
    #expect(result.byteCount == text.utf8.count)
    #expect(result.wordCount == 400)
    #expect(result.scoredTokenCount == result.tokenCount - 1)
    #expect(abs(result.tokenPerplexity - exp(result.loss)) < 1e-9 * result.tokenPerplexity)
    // Three steps from a start at ln 264 = 5.58.
    #expect(result.loss > 3 && result.loss < 5.7)

    // A single document is cut by position: both parts have its words, and the cut one twice.
    let folder = try #require(
      try FileManager.default.contentsOfDirectory(atPath: place.run("run").url.path + "/data").first
    )
    let splits = try ["train", "validation"].map { split in
      try #require(
        read(
          Report.self, ["evaluate", "run", "--data", "run/data/\(folder)", "--split", split],
          in: place
        ).perplexity)
    }
    #expect(splits.reduce(0) { $0 + ($1.byteCount ?? 0) } == text.utf8.count)
    #expect([400, 401].contains(splits.reduce(0) { $0 + ($1.wordCount ?? 0) }))
    #expect(splits[0].tokenCount > splits[1].tokenCount)

    try Data("{\"text\": \"the tree grows\"}\n{\"text\": \"tier by tier\"}\n".utf8)
      .write(to: place.url.appending(path: "words.jsonl"))
    let words = try read(Report.self, ["evaluate", "run", "--lambada", "words.jsonl"], in: place)
    #expect(words.lastWord?.exampleCount == 2)
    #expect(words.perplexity == nil)

    let lines = try BuiltCommand.run(["evaluate", "run", "--text", "corpus.txt"], in: place.url)
    #expect(lines.status == 0)
    #expect(lines.output.contains("per word (400 words)"))
  }

  @Test("generate gives the same text for a seed, on any number of threads")
  func generate() throws {
    let place = try trained()
    let arguments = [
      "generate", "run", "--prompt", "the tree", "--length", "40", "--seed", "5", "--count", "2",
    ]
    let texts = try read(Texts.self, arguments, in: place)
    #expect(texts.prompt == "the tree")
    #expect(texts.seed == 5)
    #expect(texts.generations.count == 2)
    #expect(texts.generations[0] != texts.generations[1])
    for threads in ["1", "2"] {
      let again = try read(Texts.self, arguments + ["--threads", threads], in: place)
      #expect(again.generations == texts.generations)
    }

    let plain = try BuiltCommand.run(
      ["generate", "run", "--prompt", "the tree", "--length", "40", "--seed", "5"], in: place.url)
    #expect(plain.output == "the tree\(texts.generations[0].text ?? "")\n")
    let bare = try BuiltCommand.run(
      ["generate", "run", "--tokens", "116", "104", "--greedy", "--length", "3"], in: place.url)
    #expect(bare.status == 0)
  }

  @Test("mistakes are told on standard error")
  func mistakes() throws {
    let place = try CommandWorkplace()
    let missing = try BuiltCommand.run(
      ["evaluate", "nowhere", "--text", "corpus.txt"], in: place.url)
    #expect(missing.status == 1)
    #expect(missing.errors.contains("does not exist; expected a checkpoint"))
    for arguments in [
      ["evaluate", "run"], ["evaluate", "run", "--text", "a", "--data", "b"],
      ["evaluate", "run", "--text", "a", "--split", "train"],
      ["evaluate", "run", "--text", "a", "--stride", "0"],
      ["generate", "run", "--prompt", "a", "--tokens", "1"], ["generate", "run", "--top-p", "2"],
      ["generate", "run", "--length", "-1"], ["generate", "run", "--count", "0"],
      ["generate", "run", "--stop", ""], ["generate", "run", "--temperature=-1"],
    ] {
      #expect(try BuiltCommand.run(arguments, in: place.url).status == 64, "\(arguments)")
    }
  }
}
