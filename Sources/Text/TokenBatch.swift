// SPDX-License-Identifier: Apache-2.0

/// Sequences of equal length, with the token that follows each position.
public struct TokenBatch: Sendable, Hashable {
  /// Number of sequences.
  public var sequenceCount: Int
  /// Tokens in each sequence.
  public var sequenceLength: Int
  /// Token ids, sequence after sequence: `sequenceCount * sequenceLength` of them.
  public var inputs: [Int32]
  /// The ids to predict, one for each input; −1 leaves a position out of the loss.
  public var targets: [Int32]

  /// Makes a batch.
  public init(sequenceCount: Int, sequenceLength: Int, inputs: [Int32], targets: [Int32]) {
    precondition(
      inputs.count == sequenceCount * sequenceLength && targets.count == inputs.count,
      "\(inputs.count) inputs, \(targets.count) targets for \(sequenceCount) × \(sequenceLength)")
    self.sequenceCount = sequenceCount
    self.sequenceLength = sequenceLength
    self.inputs = inputs
    self.targets = targets
  }

  /// Positions whose target counts.
  public var targetCount: Int { targets.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }

  /// Some of the sequences, in order.
  public func sequences(_ range: Range<Int>) -> TokenBatch {
    let tokens = range.lowerBound * sequenceLength..<range.upperBound * sequenceLength
    return TokenBatch(
      sequenceCount: range.count, sequenceLength: sequenceLength, inputs: Array(inputs[tokens]),
      targets: Array(targets[tokens]))
  }
}
