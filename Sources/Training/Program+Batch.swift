// SPDX-License-Identifier: Apache-2.0
import Architectures
import Text

extension Program {
  /// What keeps a batch from being computed: `has no tokens`; nil for nothing.
  ///
  /// Ids outside the vocabulary and positions without a vector would read memory that is not there, so
  /// every engine asks first.
  public func obstacle(to batch: TokenBatch) -> String? {
    guard batch.sequenceCount > 0, batch.sequenceLength > 0 else { return "has no tokens" }
    if let positions = positionCount, batch.sequenceLength > positions {
      return "sequences of \(batch.sequenceLength) tokens; the model has \(positions) positions"
    }
    let vocabulary = Int32(clamping: vocabularySize)
    return Self.obstacle(in: batch.inputs, expected: 0..<vocabulary)
      ?? Self.obstacle(in: batch.targets, expected: -1..<vocabulary)
  }

  private static func obstacle(in tokens: [Int32], expected: Range<Int32>) -> String? {
    guard let position = tokens.firstIndex(where: { !expected.contains($0) }) else { return nil }
    return
      "token \(tokens[position]) at position \(position) is not from \(expected.lowerBound) to below "
      + "\(expected.upperBound)"
  }
}

extension Program {
  /// What keeps an engine from making a decoder of so many tokens; nil for nothing.
  public func obstacle(toDecoderOf capacity: Int) -> String? {
    (1...contextLength).contains(capacity)
      ? nil : "a sequence of \(capacity) tokens; the model has \(contextLength) positions"
  }
}

extension TokenDecoder {
  /// What keeps a decoder from taking so many more tokens; nil for nothing.
  ///
  /// - Parameter capacity: the most that it holds.
  public func obstacle(toAppending tokenCount: Int, capacity: Int) -> String? {
    (1...max(1, capacity - count)).contains(tokenCount) && count < capacity
      ? nil : "\(tokenCount) tokens after \(count); the decoder holds 1 to \(capacity)"
  }
}
