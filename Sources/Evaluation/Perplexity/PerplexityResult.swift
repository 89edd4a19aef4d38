// SPDX-License-Identifier: Apache-2.0
import Foundation

/// How well a model predicts a text.
///
/// The loss is summed over the scored tokens: all but the row's first, end-of-text tokens between
/// documents among them. Per word and per byte that same sum is divided by the words and bytes of
/// the text, so that models with different tokenizers can be compared.
public struct PerplexityResult: Sendable, Hashable, Codable {
  /// Tokens of the row.
  public var tokenCount: Int
  /// Tokens that were predicted.
  public var scoredTokenCount: Int
  /// Words of the text; nil where there was no text to count in.
  public var wordCount: Int?
  /// Bytes of the text; nil where there was no text to count in.
  public var byteCount: Int?
  /// Σ −log p over the scored tokens, in nats.
  public var totalLoss: Double
  /// Nats per scored token.
  public var loss: Double
  /// exp(nats per scored token).
  public var tokenPerplexity: Double
  /// exp(nats per word); nil for no words.
  public var wordPerplexity: Double?
  /// exp(nats per byte); nil for no bytes.
  public var bytePerplexity: Double?
  /// Nats per byte / ln 2; nil for no bytes.
  public var bitsPerByte: Double?
  /// The share of scored tokens of which no other was likelier.
  public var tokenAccuracy: Double

  /// Works out the rates.
  ///
  /// - Parameter measure: the text's size; nil where it is not known.
  public init(_ scores: PerplexityEvaluation.Scores, tokenCount: Int, measure: TextMeasure?) {
    self.tokenCount = tokenCount
    scoredTokenCount = scores.loss.targetCount
    let total = scores.loss.total
    totalLoss = total
    loss = scores.loss.mean
    tokenPerplexity = exp(scores.loss.mean)
    tokenAccuracy = Double(scores.greedyCount) / Double(scores.loss.targetCount)
    guard let measure else { return }
    wordCount = measure.wordCount
    byteCount = measure.byteCount
    if measure.wordCount > 0 { wordPerplexity = exp(total / Double(measure.wordCount)) }
    if measure.byteCount > 0 {
      bytePerplexity = exp(total / Double(measure.byteCount))
      bitsPerByte = total / Double(measure.byteCount) / log(2)
    }
  }
}
