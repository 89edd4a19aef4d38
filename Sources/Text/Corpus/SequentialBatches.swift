// SPDX-License-Identifier: Apache-2.0

/// Batches that go through a row of tokens once, from its start: for evaluation.
///
/// Sequence k holds tokens k·T … k·T + T. The last batch has as many sequences as are left; tokens
/// that do not fill a sequence are left out.
public struct SequentialBatches: Sendable {
  /// Sequences in all batches together.
  public let totalSequenceCount: Int
  private let source: any TokenSource
  private let sequenceCount: Int
  private let sequenceLength: Int
  private var nextSequence = 0

  /// Begins at the start.
  ///
  /// - Parameters:
  ///   - source: The tokens; at least `sequenceLength` + 1 of them.
  ///   - sequenceCount: Sequences in a batch.
  ///   - sequenceLength: Tokens in a sequence.
  ///   - batchLimit: The most batches to give; nil for no limit.
  /// - Throws: ``TextError`` of code `insufficientTokens`.
  public init(
    _ source: any TokenSource, sequenceCount: Int, sequenceLength: Int, batchLimit: Int? = nil
  ) throws {
    precondition(
      sequenceCount > 0 && sequenceLength > 0, "\(sequenceCount) sequences of \(sequenceLength)")
    guard source.tokenCount > sequenceLength else {
      throw TextError(
        .insufficientTokens,
        "\(source.tokenCount) tokens do not fill one sequence of \(sequenceLength) and the token "
          + "after it; give more text, or shorter sequences", subject: source.subject)
    }
    self.source = source
    self.sequenceCount = sequenceCount
    self.sequenceLength = sequenceLength
    let available = (source.tokenCount - 1) / sequenceLength
    let limit = (batchLimit ?? available).multipliedReportingOverflow(by: sequenceCount)
    totalSequenceCount = limit.overflow ? available : min(available, max(0, limit.partialValue))
  }

  /// The next batch; nil after the last.
  ///
  /// - Throws: ``TextError`` of code `damagedShard`.
  public mutating func next() throws -> TokenBatch? {
    let count = min(sequenceCount, totalSequenceCount - nextSequence)
    guard count > 0 else { return nil }
    let start = nextSequence * sequenceLength
    let length = count * sequenceLength
    let tokens = try [Int32](unsafeUninitializedCapacity: length + 1) { tokens, filled in
      try source.read(
        at: start, into: UnsafeMutableBufferPointer(rebasing: tokens[..<(length + 1)]))
      filled = length + 1
    }
    nextSequence += count
    return TokenBatch(
      sequenceCount: count, sequenceLength: sequenceLength, inputs: Array(tokens[..<length]),
      targets: Array(tokens[1...]))
  }
}
