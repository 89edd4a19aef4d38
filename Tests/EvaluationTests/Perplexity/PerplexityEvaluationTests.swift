// SPDX-License-Identifier: Apache-2.0
import CPUEngine
import Evaluation
import Foundation
import GoldenModels
import Interpretation
import Testing
import Text
import Training

@Suite("Perplexity") struct PerplexityEvaluationTests {
  @Test("sliding windows give what transformers gives", arguments: GoldenModel.all)
  func golden(_ golden: GoldenModel) throws {
    let reference = try golden.evaluation()
    let vocabulary = try golden.configuration().vocabularySize
    let row = try InMemoryTokens(reference.tokens, vocabularySize: vocabulary)
    let model = try golden.languageModel(CPUTrainingEngine(threads: 1))
    for window in reference.windows {
      let scores = try PerplexityEvaluation(
        contextLength: window.context, stride: window.stride, windowsPerBatch: 3
      ).run(row, model: model)
      #expect(scores.loss.targetCount == reference.tokens.count - 1)
      #expect(abs(scores.loss.total - window.loss) <= 1e-5 * window.loss, "\(window)")
      #expect(scores.greedyCount == window.greedy)
    }
  }

  @Test("equals a computation from all logits, one token at a time", arguments: GoldenModel.all)
  func naive(_ golden: GoldenModel) throws {
    let tokens = Array(try golden.evaluation().tokens.prefix(40))
    let (context, stride) = (12, 5)
    let exact = try golden.languageModel(Float64Engine())
    var expected = 0.0
    for index in 1..<tokens.count {
      let start = max(0, (index - context + stride - 1) / stride * stride)
      let seen = Array(tokens[start..<index])
      let logits = try exact.logits(
        TokenBatch(
          sequenceCount: 1, sequenceLength: seen.count, inputs: seen, targets: seen.map { _ in -1 })
      )
      let vocabulary = logits.shape[1]
      let score = FakeModel.score(Array(logits.floats.suffix(vocabulary)), tokens[index])
      expected -= Double(score.logProbability)
    }
    let vocabulary = try golden.configuration().vocabularySize
    let row = try InMemoryTokens(tokens, vocabularySize: vocabulary)
    for model in [exact, try golden.languageModel(CPUTrainingEngine(threads: 2))] {
      let scores = try PerplexityEvaluation(contextLength: context, stride: stride)
        .run(row, model: model)
      #expect(abs(scores.loss.total - expected) <= 1e-5 * expected)
    }
  }

  @Test("a stride of the whole context is what validation in training sees")
  func validation() throws {
    // Six windows and seven targets more.
    let tokens = Array(try GoldenModel.all[0].evaluation().tokens.prefix(16 * 6 + 8))
    let row = try InMemoryTokens(tokens, vocabularySize: 131)
    let model = try GoldenModel.all[0].languageModel(CPUTrainingEngine(threads: 1))
    var expected = 0.0
    var batches = try EvaluationBatches(row, sequenceCount: 2, sequenceLength: 16)
    while let batch = try batches.next() {
      for score in try model.score(batch) { expected -= Double(score.logProbability) }
    }
    let scores = try PerplexityEvaluation(contextLength: 16, stride: 16, windowsPerBatch: 4)
      .run(row, model: model)
    #expect(scores.loss.targetCount == 103)
    #expect(batches.targetCount == 103)
    #expect(abs(scores.loss.total - expected) <= 1e-6 * expected)
  }

  @Test("probabilities that are no numbers are errors", arguments: [Float.nan, -.infinity])
  func notFinite(_ value: Float) throws {
    let row = try InMemoryTokens([0, 1, 2], vocabularySize: 3)
    let model = FakeModel { context in [0, value, 0] }
    let error = #expect(throws: EvaluationError.self) {
      try PerplexityEvaluation(contextLength: 2).run(row, model: model)
    }
    #expect(error?.code == .nonFiniteLogits)
  }

  @Test("per token, word and byte the same loss is divided") func result() throws {
    let scores = PerplexityEvaluation.Scores(
      loss: LossSum(total: 30, targetCount: 15), greedyCount: 6)
    var measure = TextMeasure()
    measure.add("three little words")
    let result = PerplexityResult(scores, tokenCount: 16, measure: measure)
    #expect(result.loss == 2)
    #expect(result.tokenPerplexity == exp(2.0))
    #expect(result.wordPerplexity == exp(10.0))
    #expect(result.bytePerplexity == exp(30.0 / 18))
    #expect(abs(try #require(result.bitsPerByte) - 30 / 18 / log(2)) < 1e-12)
    #expect(result.tokenAccuracy == 0.4)
    let bare = PerplexityResult(scores, tokenCount: 16, measure: nil)
    #expect(bare.wordPerplexity == nil && bare.bitsPerByte == nil && bare.byteCount == nil)
    let blank = PerplexityResult(scores, tokenCount: 16, measure: TextMeasure())
    #expect(blank.wordPerplexity == nil && blank.bytePerplexity == nil)
  }
}
