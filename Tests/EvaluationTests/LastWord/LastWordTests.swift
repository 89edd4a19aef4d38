// SPDX-License-Identifier: Apache-2.0
import Evaluation
import Foundation
import Testing
import Text
import Training

@Suite("Last words") struct LastWordTests {
  private let tokenizer = ByteTokenizer()

  @Test(
    "a text is parted at its last white space",
    arguments: [
      ("the cat sat", "the cat", " sat"), ("the cat sat \n", "the cat", " sat"),
      ("two  spaces", "two ", " spaces"), ("a line\nbreak", "a line", "\nbreak"),
      ("l'été \u{a0}été", "l'été ", "\u{a0}été"),
      ("“No,” she said. “Stop!”", "“No,” she said.", " “Stop!”"),
    ])
  func parts(_ text: String, _ context: String, _ target: String) throws {
    let example = try LastWordExample(text, tokenizer: tokenizer, beginTokens: [9])
    #expect(example.context == [9] + tokenizer.encode(context))
    #expect(example.target == tokenizer.encode(target))
  }

  @Test("where ids join across the space, the word is encoded by itself") func joining() throws {
    let example = try LastWordExample("ab c", tokenizer: JoiningTokenizer())
    #expect(example.context == JoiningTokenizer().encode("ab"))
    #expect(example.target == JoiningTokenizer().encode(" c"))
  }

  @Test("a text without a context or a word is an error", arguments: ["", "  ", "word", " word "])
  func invalid(_ text: String) {
    let error = #expect(throws: EvaluationError.self) {
      try LastWordExample(text, tokenizer: tokenizer, subject: "example 3")
    }
    #expect(error?.code == .invalidExample)
    #expect(error?.subject == "example 3")
  }

  @Test("examples are read from JSON lines, and the bad one is named") func reading() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "lambada.jsonl")
      let input = CorpusInput(.file(file), format: .jsonLines)
      try Data("{\"text\": \"the cat sat\"}\n{\"text\": \"a dog\"}\n".utf8).write(to: file)
      let examples = try LastWordExample.read([input], tokenizer: tokenizer)
      #expect(examples.map(\.target) == [" sat", " dog"].map { tokenizer.encode($0) })
      try Data("{\"text\": \"the cat sat\"}\n{\"text\": \"dog\"}\n".utf8).write(to: file)
      let error = #expect(throws: EvaluationError.self) {
        try LastWordExample.read([input], tokenizer: tokenizer)
      }
      #expect(error?.subject == "example 2")
    }
  }

  /// Prefers the token after the last one's, with certainty that grows with the context's length.
  private func counting(_ vocabulary: Int) -> FakeModel {
    FakeModel { context in
      var logits = [Float](repeating: 0, count: vocabulary)
      logits[(Int(context[context.count - 1]) + 1) % vocabulary] = 1 + Float(context.count) / 8
      return logits
    }
  }

  @Test(
    "a word is right where each token is greedy; its probabilities multiply", arguments: [1, 2, 9])
  func scores(_ batch: Int) throws {
    let examples = [
      LastWordExample(context: [1, 2], target: [3, 4]),
      LastWordExample(context: [5], target: [6]),
      LastWordExample(context: [1, 1, 1, 1], target: [2, 3, 7]),
      LastWordExample(context: [4, 4], target: [9, 10]),
    ]
    let model = counting(12)
    let result = try LastWordEvaluation(contextLength: 64, examplesPerBatch: batch)
      .run(examples, model: model)
    #expect(result.exampleCount == 4)
    #expect(result.targetTokenCount == 8)
    #expect(result.accuracy == 0.5)
    var loss = 0.0
    for example in examples {
      for (index, target) in example.target.enumerated() {
        let seen = example.context + example.target[..<index]
        let scored = FakeModel.Scored(context: seen, target: target)
        #expect(model.scored.filter { $0 == scored }.count == 1)
        var logits = [Float](repeating: 0, count: 12)
        logits[(Int(seen[seen.count - 1]) + 1) % 12] = 1 + Float(seen.count) / 8
        loss -= Double(FakeModel.score(logits, target).logProbability)
      }
    }
    #expect(abs(result.perplexity - exp(loss / 4)) <= 1e-6 * result.perplexity)
    #expect(model.batches.allSatisfy { $0.sequenceLength == 16 })
  }

  @Test("a long context loses its beginning") func truncation() throws {
    let model = counting(50)
    let context = (0..<40).map { Int32($0) }
    _ = try LastWordEvaluation(contextLength: 8).run(
      [LastWordExample(context: context, target: [40, 41, 42])], model: model)
    #expect(
      model.scored.map(\.context) == [
        Array(34..<40), Array(34..<41), Array(34..<42),
      ])
    #expect(model.scored.map(\.target) == [40, 41, 42])
  }

  @Test("what cannot be scored is an error") func errors() {
    let good = LastWordExample(context: [1], target: [2])
    let long = LastWordExample(context: [1], target: [2, 3, 4])
    let cases: [([LastWordExample], LastWordEvaluation)] = [
      ([], LastWordEvaluation(contextLength: 2)), ([long], LastWordEvaluation(contextLength: 2)),
      ([good], LastWordEvaluation(contextLength: 0)),
      ([good], LastWordEvaluation(contextLength: 2, examplesPerBatch: 0)),
      ([LastWordExample(context: [], target: [1])], LastWordEvaluation(contextLength: 2)),
      ([LastWordExample(context: [1], target: [])], LastWordEvaluation(contextLength: 2)),
    ]
    for (examples, evaluation) in cases {
      #expect(throws: EvaluationError.self) {
        try evaluation.run(examples, model: counting(12))
      }
    }
    #expect(throws: EvaluationError.self) {
      try LastWordEvaluation(contextLength: 4).run([good], model: FakeModel { _ in [.nan, 0, 0] })
    }
  }
}

/// A tokenizer that joins a letter with a space after it, as no real one should.
private struct JoiningTokenizer: Tokenizer {
  var vocabularySize: Int { 512 }
  var endOfText: Int32? { nil }
  var fingerprint: String { "joining" }

  func encode(_ utf8: UnsafeRawBufferPointer, allowsSpecialTokens: Bool) -> [Int32] {
    var ids: [Int32] = []
    for byte in utf8 {
      if byte == 0x20, let last = ids.last, last < 256 {
        ids[ids.count - 1] = last + 256
      } else {
        ids.append(Int32(byte))
      }
    }
    return ids
  }

  func decode(_ ids: some Sequence<Int32>) -> [UInt8] { [] }
  func tokenizerJSON() throws -> Data { Data() }
}
