// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Evaluation
import Foundation
import GoldenModels
import Testing

@Suite("Rules against repetition") struct RepetitionRulesTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      var penalty: Double
      var size: Int
      var count: Int
      var scores: [Float?]
    }
    struct Continuation: Decodable {
      var model: String
      var penalty: Double
      var size: Int
      var prompt: [Int32]
      var continuation: [Int32]
    }
    var logits: [Float]
    var tokens: [Int32]
    var cases: [Case]
    var continuations: [Continuation]
  }

  @Test("leave the logits that transformers' processors leave, bit for bit") func golden() throws {
    let golden = try readGolden(Golden.self, "repetition.json")
    for item in golden.cases {
      let rules = try RepetitionRules(penalty: item.penalty, noRepeatSize: item.size)
      var logits = golden.logits
      try rules.apply(to: &logits, after: Array(golden.tokens.prefix(item.count)))
      #expect(logits == item.scores.map { $0 ?? -.infinity }, "\(rules) after \(item.count)")
    }
    #expect(golden.cases.contains { $0.scores.contains(nil) })
  }

  @Test("continue texts greedily as transformers does") func continuations() throws {
    for item in try readGolden(Golden.self, "repetition.json").continuations {
      let golden = try #require(GoldenModel.all.first { $0.name == item.model })
      let bundle = ModelBundle(try golden.directory(), tokenizer: nil)
      let generator = try TextGenerator(
        try bundle.makeLanguageModel(CPUTrainingEngine(threads: 1)),
        contextLength: bundle.contextLength, texts: nil)
      let configuration = GenerationConfiguration(
        length: item.continuation.count, sampler: .greedy,
        repetition: try RepetitionRules(penalty: item.penalty, noRepeatSize: item.size))
      #expect(
        try generator.generate(from: item.prompt, configuration).tokens == item.continuation,
        "\(item.model), penalty \(item.penalty), size \(item.size)")
    }
  }

  @Test("refuse what is no rule, and say where no token is left") func refusals() throws {
    #expect(throws: EvaluationError.self) { try RepetitionRules(penalty: 0) }
    #expect(throws: EvaluationError.self) { try RepetitionRules(penalty: .nan) }
    #expect(throws: EvaluationError.self) { try RepetitionRules(noRepeatSize: -1) }
    var logits: [Float] = [1, 2]
    let error = #expect(throws: EvaluationError.self) {
      try RepetitionRules(noRepeatSize: 1).apply(to: &logits, after: [0, 1])
    }
    #expect(error?.subject == "no-repeat-size")
  }
}
