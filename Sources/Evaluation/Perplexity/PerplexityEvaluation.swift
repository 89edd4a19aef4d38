// SPDX-License-Identifier: Apache-2.0
import Text
import Training
import Wording

/// Scores a row of tokens with a sliding window.
public struct PerplexityEvaluation: Sendable, Hashable {
  /// The most tokens that a prediction sees.
  public var contextLength: Int
  /// Tokens from one window's start to the next's, 1 … `contextLength`.
  public var stride: Int
  /// Windows that go through the model together; it changes the speed and, at most, last bits.
  public var windowsPerBatch: Int

  /// Makes an evaluation.
  ///
  /// - Parameters:
  ///   - stride: nil for half the context, a usual balance of cost and context.
  ///   - windowsPerBatch: nil for about 4096 tokens in a batch.
  public init(contextLength: Int, stride: Int? = nil, windowsPerBatch: Int? = nil) {
    self.contextLength = contextLength
    self.stride = stride ?? max(1, contextLength / 2)
    self.windowsPerBatch = windowsPerBatch ?? max(1, 4096 / max(1, contextLength))
  }

  /// What a model says of a row of tokens.
  public struct Scores: Sendable, Hashable {
    /// Σ −log p over the scored tokens, in nats, and how many they are.
    public var loss: LossSum
    /// Scored tokens of which no other was likelier.
    public var greedyCount: Int

    /// Makes scores.
    public init(loss: LossSum, greedyCount: Int) {
      self.loss = loss
      self.greedyCount = greedyCount
    }
  }

  /// Scores every token of a row but the first, which has nothing before it.
  ///
  /// To have a text's first token scored too, begin the row with a beginning-of-text token.
  ///
  /// - Parameters:
  ///   - progress: called after each batch; what it throws ends the evaluation.
  /// - Throws: ``EvaluationError`` for settings outside their range, for less than two tokens, and
  ///   for probabilities that are NaN or 0; the errors of the source and the model.
  public func run(
    _ tokens: any TokenSource, model: any LanguageModel,
    progress: (EvaluationProgress) throws -> Void = { _ in }
  ) throws -> Scores {
    let windows = try SlidingWindows(
      tokenCount: tokens.tokenCount, contextLength: contextLength, stride: stride)
    guard windowsPerBatch > 0 else {
      throw EvaluationError(
        .invalidConfiguration, "\(counted(windowsPerBatch, "window")); expected at least 1",
        subject: "batch")
    }
    var scores = Scores(loss: LossSum(total: 0, targetCount: 0), greedyCount: 0)
    var next = 0
    while next < windows.count {
      let end = next + min(windowsPerBatch, windows.count - next)
      let batch = try Self.batch(windows[next..<end], of: tokens)
      try scores.add(model.score(batch), of: batch, subject: tokens.subject)
      next = end
      try progress(EvaluationProgress(done: next, total: windows.count))
    }
    return scores
  }

  /// The windows as one batch; the last window of a row is filled up behind its end, where a causal
  /// model's predictions do not see it.
  private static func batch(
    _ windows: Slice<SlidingWindows>, of tokens: any TokenSource
  ) throws -> TokenBatch {
    let length = windows.reduce(0) { max($0, $1.length) }
    var inputs = [Int32](repeating: 0, count: windows.count * length)
    var targets = [Int32](repeating: -1, count: inputs.count)
    var row = [Int32](repeating: 0, count: length + 1)
    for (index, window) in windows.enumerated() {
      try row.withUnsafeMutableBufferPointer { buffer in
        try tokens.read(
          at: window.start, into: UnsafeMutableBufferPointer(rebasing: buffer[...window.length]))
      }
      let start = index * length
      inputs.replaceSubrange(start..<start + window.length, with: row[..<window.length])
      for position in window.scored { targets[start + position] = row[position + 1] }
    }
    return TokenBatch(
      sequenceCount: windows.count, sequenceLength: length, inputs: inputs, targets: targets)
  }
}

extension PerplexityEvaluation.Scores {
  /// Adds the scores of a batch's targets.
  fileprivate mutating func add(
    _ scores: [TokenScore], of batch: TokenBatch, subject: String
  ) throws {
    for (score, target) in zip(scores, batch.targets) where target >= 0 {
      guard score.logProbability.isFinite else { throw EvaluationError.notFinite(subject) }
      loss.total -= Double(score.logProbability)
      loss.targetCount += 1
      greedyCount += score.isGreedy ? 1 : 0
    }
  }
}

extension EvaluationError {
  /// A model whose numbers are broken.
  static func notFinite(_ subject: String) -> EvaluationError {
    EvaluationError(
      .nonFiniteLogits,
      "the model gave a probability that is NaN or 0; expected finite logits. Its weights are damaged, or its training diverged: "
        + "take an earlier checkpoint", subject: subject)
  }
}
