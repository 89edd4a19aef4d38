// SPDX-License-Identifier: Apache-2.0

/// When and how much of the validation text is scored.
public struct EvaluationConfiguration: Sendable, Hashable, Codable {
  /// How much is scored each time; always the same tokens, and where they are not all, spread evenly
  /// over the whole text.
  public enum Amount: Sendable, Hashable {
    /// So many batches of ``BatchConfiguration/sequences``.
    case batches(Int)
    /// At most so many tokens.
    case tokens(Int)

    /// The whole text, however long.
    public static let all = Amount.tokens(.max)
    /// The whole text up to 65,536 tokens.
    ///
    /// Scoring a token costs a third of training on it. The mean over 65,536 tokens, which differ by
    /// two or three nats, is sure to about a hundredth of a nat.
    public static let usual = Amount.tokens(65536)
  }

  /// How often.
  public var every: TrainingDuration
  /// How much.
  public var amount: Amount

  /// Makes a configuration.
  public init(every: TrainingDuration = .steps(100), amount: Amount = .usual) {
    self.every = every
    self.amount = amount
  }

  /// Makes a configuration of so many batches.
  public init(every: TrainingDuration = .steps(100), batches: Int) {
    self.init(every: every, amount: .batches(batches))
  }

  /// Checks the numbers; errors name `key`.
  public func validate(_ key: String = "evaluate") throws {
    try every.validate("\(key).every")
    let (name, count) =
      switch amount {
      case .batches(let count): ("batches", count)
      case .tokens(let count): ("tokens", count)
      }
    try TrainingError.check(count > 0, "\(key).\(name)", "\(count) is not positive")
  }

  /// The most windows of a text that are scored; nil for all of it.
  func windowLimit(tokenCount: Int, sequences: Int, sequenceLength: Int) -> Int? {
    switch amount {
    case .batches(let count):
      let (windows, overflow) = count.multipliedReportingOverflow(by: sequences)
      return overflow ? nil : windows
    case .tokens(let count):
      return count >= tokenCount - 1 ? nil : max(1, count / sequenceLength)
    }
  }
}

extension EvaluationConfiguration {
  private enum Key: String, CodingKey { case every, batches, tokens }

  /// Reads either key, `batches` or `tokens`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    every = try values.decode(TrainingDuration.self, forKey: .every)
    if let count = try values.decodeIfPresent(Int.self, forKey: .batches) {
      amount = .batches(count)
    } else {
      amount = .tokens(try values.decode(Int.self, forKey: .tokens))
    }
  }

  /// Writes the key of the amount.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(every, forKey: .every)
    switch amount {
    case .batches(let count): try values.encode(count, forKey: .batches)
    case .tokens(let count): try values.encode(count, forKey: .tokens)
    }
  }
}
