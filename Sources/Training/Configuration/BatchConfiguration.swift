// SPDX-License-Identifier: Apache-2.0
import CheckedInput

/// How many sequences an optimizer step trains on, of which length, in how many parts.
public struct BatchConfiguration: Sendable, Hashable, Codable {
  /// A value that rises linearly with the tokens seen.
  public struct Warmup: Sendable, Hashable, Codable {
    /// The value at the start of the run.
    public var start: Int
    /// The tokens after which the full value is reached.
    public var tokens: Int

    /// Makes a rise.
    public init(start: Int, tokens: Int) {
      self.start = start
      self.tokens = tokens
    }

    /// start + (end − start) · seen / tokens, rounded down; `end` once all tokens were seen.
    func value(afterTokens seen: Int, end: Int) -> Int {
      guard seen < tokens, start < end else { return end }
      let share = Double(seen) / Double(tokens)
      return start + Int(bounding: (Double(end - start) * share).rounded(.down))
    }
  }

  /// Sequences of one micro-batch, which the engine works on at once.
  public var sequences: Int
  /// Micro-batches whose gradients one optimizer step adds up.
  public var accumulate: Int
  /// The rise of the number of sequences of a step; its `start` counts the sequences of a whole
  /// step, and its end is `sequences · accumulate`.
  public var sequencesWarmup: Warmup?
  /// The rise of the length of the sequences to the model's context.
  ///
  /// Lengths on the way are rounded
  /// down to a multiple of 8, at least 8, so that an engine meets few shapes.
  public var sequenceLengthWarmup: Warmup?

  /// Makes a configuration; ``validate(_:)`` checks it.
  public init(
    sequences: Int, accumulate: Int = 1, sequencesWarmup: Warmup? = nil,
    sequenceLengthWarmup: Warmup? = nil
  ) {
    self.sequences = sequences
    self.accumulate = accumulate
    self.sequencesWarmup = sequencesWarmup
    self.sequenceLengthWarmup = sequenceLengthWarmup
  }

  /// Sequences of a step without warm-up.
  public var sequencesPerStep: Int { sequences * accumulate }

  /// Sequences of the step that follows after `tokens` were seen.
  public func sequencesPerStep(afterTokens tokens: Int) -> Int {
    sequencesWarmup?.value(afterTokens: tokens, end: sequencesPerStep) ?? sequencesPerStep
  }

  /// The sizes of the micro-batches of a step: as many full ones as fit, then the rest.
  public func microBatches(sequenceCount count: Int) -> [Int] {
    let full = Array(repeating: sequences, count: count / sequences)
    return count % sequences == 0 ? full : full + [count % sequences]
  }

  /// Length of the sequences of the step that follows after `tokens` were seen.
  public func sequenceLength(afterTokens tokens: Int, contextLength: Int) -> Int {
    guard let sequenceLengthWarmup else { return contextLength }
    let length = sequenceLengthWarmup.value(afterTokens: tokens, end: contextLength)
    return length == contextLength ? length : min(contextLength, max(8, length / 8 * 8))
  }

  /// Checks the numbers.
  ///
  /// - Parameter key: the key of the batch in error messages.
  /// - Throws: ``TrainingError`` that names the first key that does not fit.
  public func validate(_ key: String = "batch") throws {
    let limit = 1 << 24
    for (name, value) in [("sequences", sequences), ("accumulate", accumulate)] {
      try TrainingError.check(
        (1...limit).contains(value), "\(key).\(name)", "\(value) is outside 1 … \(limit)")
    }
    for (name, warmup) in [
      ("sequencesWarmup", sequencesWarmup), ("sequenceLengthWarmup", sequenceLengthWarmup),
    ] {
      guard let warmup else { continue }
      try TrainingError.check(
        warmup.start > 0, "\(key).\(name).start", "\(warmup.start) is not positive")
      try TrainingError.check(
        warmup.tokens > 0, "\(key).\(name).tokens", "\(warmup.tokens) is not positive")
    }
    if let start = sequencesWarmup?.start {
      try TrainingError.check(
        start <= sequencesPerStep, "\(key).sequencesWarmup.start",
        "\(start) is more than the \(sequencesPerStep) sequences of a full step")
    }
  }
}
