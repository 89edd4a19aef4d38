// SPDX-License-Identifier: Apache-2.0
import Wording

/// What keeps a text from repeating itself, as transformers defines `repetition_penalty` (Keskar et al.,
/// arXiv 1909.05858) and `no_repeat_ngram_size`.
///
/// Both look at all tokens so far, those of the prompt among them.
public struct RepetitionRules: Sendable, Hashable {
  /// What logits of tokens that came before are divided by, or multiplied with where they are below
  /// zero; 1 for nothing, below 1 for more repetition.
  public var penalty: Double
  /// Groups of so many tokens come only once; 0 for no such rule.
  public var noRepeatSize: Int

  /// No rules.
  public static let none = RepetitionRules(uncheckedPenalty: 1, noRepeatSize: 0)

  /// Makes rules.
  ///
  /// - Throws: ``EvaluationError`` of code `invalidConfiguration` for a penalty that is not above 0, or
  ///   a size below 0.
  public init(penalty: Double = 1, noRepeatSize: Int = 0) throws {
    guard penalty > 0, penalty.isFinite else {
      throw EvaluationError(
        .invalidConfiguration, "is \(penalty); expected a number above 0, 1 for none",
        subject: "repetition-penalty")
    }
    guard noRepeatSize >= 0 else {
      throw EvaluationError(
        .invalidConfiguration, "is \(noRepeatSize); expected 0 for none, or a number of tokens",
        subject: "no-repeat-size")
    }
    self.init(uncheckedPenalty: penalty, noRepeatSize: noRepeatSize)
  }

  private init(uncheckedPenalty penalty: Double, noRepeatSize: Int) {
    (self.penalty, self.noRepeatSize) = (penalty, noRepeatSize)
  }

  /// Changes the logits of the token that comes next.
  ///
  /// - Parameters:
  ///   - logits: one for each token; those of tokens that cannot come become −∞.
  ///   - tokens: all tokens so far.
  /// - Throws: ``EvaluationError`` of code `invalidConfiguration` where no token is left.
  public func apply(to logits: inout [Float], after tokens: [Int32]) throws {
    if penalty != 1 {
      let penalty = Float(penalty)
      for token in Set(tokens) where logits.indices.contains(Int(token)) {
        logits[Int(token)] =
          logits[Int(token)] < 0 ? logits[Int(token)] * penalty : logits[Int(token)] / penalty
      }
    }
    let barred = barredTokens(after: tokens)
    guard !barred.isEmpty else { return }
    for token in barred where logits.indices.contains(Int(token)) {
      logits[Int(token)] = -.infinity
    }
    guard logits.contains(where: { $0 != -.infinity }) else {
      throw EvaluationError(
        .invalidConfiguration,
        "after \(counted(tokens.count, "token")) every token would repeat \(noRepeatSize) of them; "
          + "generate fewer, or let longer groups come only once", subject: "no-repeat-size")
    }
  }

  /// The tokens that would end a group that came before.
  private func barredTokens(after tokens: [Int32]) -> Set<Int32> {
    guard noRepeatSize > 0, tokens.count >= noRepeatSize else { return [] }
    let beginning = tokens.suffix(noRepeatSize - 1)
    var barred: Set<Int32> = []
    for end in (noRepeatSize - 1)..<tokens.count
    where tokens[(end - noRepeatSize + 1)..<end].elementsEqual(beginning) {
      barred.insert(tokens[end])
    }
    return barred
  }
}
