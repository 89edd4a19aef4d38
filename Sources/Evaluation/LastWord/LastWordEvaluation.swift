// SPDX-License-Identifier: Apache-2.0
import Foundation
import Text
import Training
import Wording

/// How well a model guesses last words: the LAMBADA task.
public struct LastWordResult: Sendable, Hashable, Codable {
  /// Examples scored.
  public var exampleCount: Int
  /// Tokens of all last words.
  public var targetTokenCount: Int
  /// The share of examples whose last word is what greedy decoding gives, token for token.
  public var accuracy: Double
  /// exp of the mean over examples of the last word's −log p.
  public var perplexity: Double
}

/// Scores last words.
public struct LastWordEvaluation: Sendable, Hashable {
  /// The most tokens that a prediction sees; longer contexts lose their beginning.
  public var contextLength: Int
  /// Examples that go through the model together; it changes the speed and, at most, last bits.
  public var examplesPerBatch: Int

  /// Makes an evaluation.
  public init(contextLength: Int, examplesPerBatch: Int = 16) {
    self.contextLength = contextLength
    self.examplesPerBatch = examplesPerBatch
  }

  /// Scores the last word of each example.
  ///
  /// - Parameter progress: called after each batch; what it throws ends the evaluation.
  /// - Throws: ``EvaluationError`` for no examples, for settings outside their range, for a last word
  ///   longer than the context, and for probabilities that are NaN or 0; the errors of the model.
  public func run(
    _ examples: [LastWordExample], model: any LanguageModel,
    progress: (EvaluationProgress) throws -> Void = { _ in }
  ) throws -> LastWordResult {
    try check(examples)
    // Examples of like length share a batch, so that little of it is filling.
    let order = examples.indices.sorted {
      let (left, right) = (examples[$0].length, examples[$1].length)
      return left == right ? $0 < $1 : left > right
    }
    var words = [WordScore](repeating: WordScore(), count: examples.count)
    for start in stride(from: 0, to: order.count, by: examplesPerBatch) {
      let group = order[start..<min(start + examplesPerBatch, order.count)]
      let scores = try score(group.map { examples[$0] }, model: model)
      for (index, score) in zip(group, scores) { words[index] = score }
      try progress(EvaluationProgress(done: group.endIndex, total: order.count))
    }
    let loss = words.reduce(0) { $0 + $1.loss } / Double(words.count)
    return LastWordResult(
      exampleCount: examples.count,
      targetTokenCount: examples.reduce(0) { $0 + $1.target.count },
      accuracy: Double(words.count(where: \.isGreedy)) / Double(words.count),
      perplexity: exp(loss))
  }

  private struct WordScore {
    var loss = 0.0
    var isGreedy = true
  }

  private func check(_ examples: [LastWordExample]) throws {
    guard contextLength > 0, examplesPerBatch > 0 else {
      throw EvaluationError(
        .invalidConfiguration,
        "context of \(contextLength), batches of \(examplesPerBatch); expected at least 1",
        subject: "evaluation")
    }
    guard !examples.isEmpty else {
      throw EvaluationError(
        .insufficientText, "no examples; expected at least one", subject: "examples")
    }
    for (index, example) in examples.enumerated()
    where example.target.count > contextLength || example.context.isEmpty
      || example.target.isEmpty
    {
      throw EvaluationError(
        .invalidExample,
        "\(counted(example.target.count, "token")) of last word after \(example.context.count) of context; "
          + "expected at least one of each, and no more in the word than the context's "
          + "\(contextLength)", subject: "example \(index + 1)")
    }
  }

  private func score(
    _ examples: [LastWordExample], model: any LanguageModel
  ) throws -> [WordScore] {
    let batch = batch(examples)
    let scores = try model.score(batch)
    return try examples.indices.map { index in
      var word = WordScore()
      let start = index * batch.sequenceLength
      for row in start..<start + batch.sequenceLength where batch.targets[row] >= 0 {
        guard scores[row].logProbability.isFinite else {
          throw EvaluationError.notFinite("last words")
        }
        word.loss -= Double(scores[row].logProbability)
        word.isGreedy = word.isGreedy && scores[row].isGreedy
      }
      return word
    }
  }

  /// One sequence for each example, filled up behind its end.
  ///
  /// A causal model's predictions do not see the filling. Lengths are multiples of 16, so that an
  /// engine compiles few shapes.
  private func batch(_ examples: [LastWordExample]) -> TokenBatch {
    let longest = examples.reduce(0) { max($0, $1.length) }
    let length = min(contextLength, (longest + 15) / 16 * 16)
    var inputs = [Int32](repeating: 0, count: examples.count * length)
    var targets = [Int32](repeating: -1, count: inputs.count)
    for (index, example) in examples.enumerated() {
      let tokens = (example.context + example.target).suffix(length + 1)
      let start = index * length
      inputs.replaceSubrange(start..<start + tokens.count - 1, with: tokens.dropLast())
      let end = start + tokens.count - 1
      targets.replaceSubrange(end - example.target.count..<end, with: example.target)
    }
    return TokenBatch(
      sequenceCount: examples.count, sequenceLength: length, inputs: inputs, targets: targets)
  }
}

extension LastWordExample {
  /// Tokens that the model reads: all but the last.
  fileprivate var length: Int { context.count + target.count - 1 }
}
