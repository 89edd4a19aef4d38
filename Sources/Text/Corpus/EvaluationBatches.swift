// SPDX-License-Identifier: Apache-2.0
import Wording

/// Batches that measure a row of tokens, the same ones every time.
///
/// The row is cut into windows of T tokens at multiples of T; window k holds tokens k·T … k·T + T.
/// Without a limit each of them is given once, in order, and what is left at the end as one shorter
/// window: every token but the first is a target once. With a limit of N of the K whole windows,
/// those in the middle of N equal parts are given, so that the whole row has its say: ⌊(2i + 1) K / 2N⌋.
public struct EvaluationBatches: Sendable {
  /// Targets in all batches together.
  public let targetCount: Int
  private let source: any TokenSource
  private let sequenceCount: Int
  private let sequenceLength: Int
  /// Whole windows of the row.
  private let whole: Int
  /// How many of them are given.
  private let given: Int
  /// Targets of the shorter window at the end; 0 where it is left out.
  private let rest: Int
  private var nextWindow = 0
  private var hasGivenRest = false

  /// Begins at the first window.
  ///
  /// - Parameters:
  ///   - source: The tokens; at least `sequenceLength` + 1 of them.
  ///   - sequenceCount: Windows in a batch.
  ///   - sequenceLength: Tokens in a window.
  ///   - windowLimit: The most windows to give; nil for all.
  /// - Throws: ``TextError`` of code `insufficientTokens`.
  public init(
    _ source: any TokenSource, sequenceCount: Int, sequenceLength: Int, windowLimit: Int? = nil
  ) throws {
    precondition(
      sequenceCount > 0 && sequenceLength > 0, "\(sequenceCount) sequences of \(sequenceLength)")
    guard source.tokenCount > sequenceLength else {
      throw TextError(
        .insufficientTokens,
        "has \(counted(source.tokenCount, "token")); one sequence of \(sequenceLength) and the token after it "
          + "take \(sequenceLength + 1); give more text, or shorter sequences",
        subject: source.subject)
    }
    self.source = source
    self.sequenceCount = sequenceCount
    self.sequenceLength = sequenceLength
    let (whole, rest) = (source.tokenCount - 1).quotientAndRemainder(dividingBy: sequenceLength)
    let limit = max(0, windowLimit ?? .max)
    self.whole = whole
    given = min(whole, limit)
    self.rest = limit > whole ? rest : 0
    targetCount = given * sequenceLength + self.rest
  }

  /// The next batch; nil after the last.
  ///
  /// - Throws: ``TextError`` of code `damagedShard`.
  public mutating func next() throws -> TokenBatch? {
    let count = min(sequenceCount, given - nextWindow)
    if count > 0 {
      let starts = (nextWindow..<nextWindow + count).map { window($0) * sequenceLength }
      nextWindow += count
      return try batch(starts, length: sequenceLength)
    }
    guard rest > 0, !hasGivenRest else { return nil }
    hasGivenRest = true
    return try batch([whole * sequenceLength], length: rest)
  }

  /// Which of the row's windows is given in this place.
  private func window(_ index: Int) -> Int {
    guard given < whole else { return index }
    let product = (2 * index + 1).multipliedFullWidth(by: whole)
    return (2 * given).dividingFullWidth(product).quotient
  }

  private func batch(_ starts: [Int], length: Int) throws -> TokenBatch {
    var inputs: [Int32] = []
    var targets: [Int32] = []
    inputs.reserveCapacity(starts.count * length)
    targets.reserveCapacity(starts.count * length)
    var row = [Int32](repeating: 0, count: length + 1)
    for start in starts {
      try row.withUnsafeMutableBufferPointer { try source.read(at: start, into: $0) }
      inputs += row[..<length]
      targets += row[1...]
    }
    return TokenBatch(
      sequenceCount: starts.count, sequenceLength: length, inputs: inputs, targets: targets)
  }
}
