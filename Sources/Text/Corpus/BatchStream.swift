// SPDX-License-Identifier: Apache-2.0
import Wording

/// An endless stream of batches from a row of tokens, epoch after epoch.
///
/// The stream is a row of pairs (token, the token after it), and a batch of B sequences of T tokens
/// is its next B·T pairs, whatever B and T were before. Both may therefore change during a run:
/// no pair is skipped and none is given twice in an epoch.
///
/// - In `sequential` order the pairs stand as in the data. Sequence j of step i (both from 0) reads
///   tokens (i·B + j)·T … (i·B + j)·T + T. At the end of the data, reading goes on at its start.
/// - In `shuffled` order the data is cut into windows of `contextLength` tokens at multiples of it,
///   and the windows' order is another permutation in each epoch. Tokens after the last whole
///   window are left out. A sequence shorter than a window is the next part of it, or the end of
///   one window and the start of the next. A sequence as long as a window is a window: where
///   shorter sequences have left off inside one, that window is given once more from its
///   start, with −1 as the target of what was already given, and from there on windows are whole.
///
/// Sequences cross the boundaries of documents and shards; attention is not masked there.
public struct BatchStream: Sendable {
  /// The order of an epoch's tokens.
  public enum Order: String, Sendable, Hashable, Codable, CaseIterable {
    case sequential, shuffled
  }

  /// Where a stream stands; all that is needed to go on exactly there.
  public struct Cursor: Sendable, Hashable, Codable {
    /// The order of an epoch's tokens.
    public var order: Order
    /// The seed of the permutations.
    public var seed: UInt64
    /// Tokens in a window of the shuffled order.
    public var contextLength: Int
    /// Tokens in the data, to know it again.
    public var tokenCount: Int
    /// Epochs completed.
    public var epoch: Int
    /// Pairs given in this epoch.
    public var position: Int
    /// The data's ``TokenSource/identity``; nil where it has none, or where an earlier version saved
    /// the cursor.
    public var dataset: String?

    /// Whether the cursor may stand in these data: nothing that it knows of its own differs.
    public func belongs(to source: any TokenSource) -> Bool {
      tokenCount == source.tokenCount
        && (dataset == nil || source.identity == nil || dataset == source.identity)
    }

    /// The place from which a stream of another context length goes on.
    ///
    /// A sequential stream goes on where it stands. A shuffled one has other windows now, so it goes
    /// on with the next epoch: what this epoch has not given yet is left out, nothing is repeated
    /// within an epoch.
    public func restarted(contextLength: Int) -> Cursor {
      var result = self
      result.contextLength = contextLength
      if order == .shuffled {
        result.epoch += 1
        result.position = 0
      }
      return result
    }
  }

  /// Where the stream stands: before the first pair not yet given.
  public private(set) var cursor: Cursor
  /// The tokens.
  public let source: any TokenSource
  private var permutation: SequencePermutation

  /// Begins at the first epoch's start.
  ///
  /// - Parameters:
  ///   - source: The tokens; at least `contextLength` + 1 of them.
  ///   - contextLength: Tokens in the longest sequence.
  ///   - order: The order of an epoch's tokens.
  ///   - seed: The seed of the permutations.
  /// - Throws: ``TextError`` of code `insufficientTokens`.
  public init(
    _ source: any TokenSource, contextLength: Int, order: Order, seed: UInt64
  ) throws {
    precondition(contextLength > 0, "a context of \(contextLength) tokens")
    guard source.tokenCount > contextLength else {
      throw TextError(
        .insufficientTokens,
        "has \(counted(source.tokenCount, "token")); one sequence of \(contextLength) and the token after it "
          + "take \(UInt(contextLength) + 1); give more text, or a shorter context",
        subject: source.subject)
    }
    self.source = source
    cursor = Cursor(
      order: order, seed: seed, contextLength: contextLength, tokenCount: source.tokenCount,
      epoch: 0, position: 0, dataset: source.identity)
    permutation = Self.permutation(for: cursor)
  }

  /// Goes on where another stream of the same data stood.
  ///
  /// - Throws: ``TextError`` of code `insufficientTokens` as above, or `invalidShard` where the
  ///   cursor does not belong to this data.
  public init(_ source: any TokenSource, at cursor: Cursor) throws {
    guard cursor.contextLength > 0, cursor.epoch >= 0, cursor.tokenCount == source.tokenCount
    else {
      throw TextError(
        .invalidShard,
        "has \(source.tokenCount) tokens, but the saved position belongs to data of "
          + "\(cursor.tokenCount); give the data that the run began with", subject: source.subject)
    }
    guard cursor.belongs(to: source) else {
      throw TextError(
        .invalidShard,
        "is not the data that the run began with, though as long: its identity is "
          + "\(source.identity?.prefix(12) ?? "")…, the saved position's "
          + "\(cursor.dataset?.prefix(12) ?? "")…; give the data that the run began with, or begin a "
          + "new run that continues from its checkpoint", subject: source.subject)
    }
    try self.init(
      source, contextLength: cursor.contextLength, order: cursor.order, seed: cursor.seed)
    guard (0..<pairsPerEpoch).contains(cursor.position) else {
      throw TextError(
        .invalidShard,
        "the saved position \(cursor.position) is outside an epoch of \(pairsPerEpoch) tokens",
        subject: source.subject)
    }
    self.cursor = cursor
    self.cursor.dataset = source.identity
    permutation = Self.permutation(for: cursor)
  }

  /// Waits until all that was given is known to be what was once prepared.
  ///
  /// - Throws: ``TextError`` of code `damagedShard`.
  public func verifyReads() throws { try source.verifyReads() }

  /// Pairs, and so targets, in one epoch.
  public var pairsPerEpoch: Int { Self.pairsPerEpoch(cursor) }

  /// The next sequences.
  ///
  /// `sequenceLength` is at most the context length.
  ///
  /// - Throws: ``TextError`` of code `damagedShard`; the cursor then stays where it was.
  public mutating func next(sequenceCount: Int, sequenceLength: Int) throws -> TokenBatch {
    precondition(
      sequenceCount > 0 && (1...cursor.contextLength).contains(sequenceLength),
      "\(sequenceCount) sequences of \(sequenceLength) from windows of \(cursor.contextLength)")
    let before = (cursor, permutation)
    var batch = TokenBatch(
      sequenceCount: sequenceCount, sequenceLength: sequenceLength,
      inputs: Array(repeating: 0, count: sequenceCount * sequenceLength),
      targets: Array(repeating: -1, count: sequenceCount * sequenceLength))
    do {
      for sequence in 0..<sequenceCount {
        let places = sequence * sequenceLength..<(sequence + 1) * sequenceLength
        try fill(places, of: &batch)
      }
    } catch {
      (cursor, permutation) = before
      throw error
    }
    return batch
  }

  private mutating func fill(_ places: Range<Int>, of batch: inout TokenBatch) throws {
    let given = cursor.position % cursor.contextLength
    let mustAlign =
      cursor.order == .shuffled && places.count == cursor.contextLength && given > 0
    if mustAlign { cursor.position -= given }
    var place = places.lowerBound
    while place < places.upperBound {
      let (offset, available) = run()
      let count = min(available, places.upperBound - place)
      try read(at: offset, count: count, to: place, of: &batch)
      place += count
      advance(by: count)
    }
    if mustAlign {
      for place in places.prefix(given) { batch.targets[place] = -1 }
    }
  }

  /// Where the next pair is in the data, and how many pairs follow from there in order.
  private func run() -> (offset: Int, count: Int) {
    guard cursor.order == .shuffled else {
      return (cursor.position, pairsPerEpoch - cursor.position)
    }
    let (window, within) = cursor.position.quotientAndRemainder(dividingBy: cursor.contextLength)
    return (
      permutation[window] * cursor.contextLength + within, cursor.contextLength - within
    )
  }

  private func read(at offset: Int, count: Int, to place: Int, of batch: inout TokenBatch) throws {
    let total = source.tokenCount
    try withUnsafeTemporaryAllocation(of: Int32.self, capacity: count + 1) { tokens in
      // Only the very last pair has its second token at the start of the data.
      let inside = min(count + 1, total - offset)
      try source.read(at: offset, into: UnsafeMutableBufferPointer(rebasing: tokens[..<inside]))
      if inside <= count {
        try source.read(at: 0, into: UnsafeMutableBufferPointer(rebasing: tokens[inside...]))
      }
      for index in 0..<count {
        batch.inputs[place + index] = tokens[index]
        batch.targets[place + index] = tokens[index + 1]
      }
    }
  }

  private mutating func advance(by count: Int) {
    cursor.position += count
    guard cursor.position == pairsPerEpoch else { return }
    cursor.position = 0
    cursor.epoch += 1
    permutation = Self.permutation(for: cursor)
  }

  private static func pairsPerEpoch(_ cursor: Cursor) -> Int {
    switch cursor.order {
    case .sequential: cursor.tokenCount
    case .shuffled: windowCount(cursor) * cursor.contextLength
    }
  }

  private static func windowCount(_ cursor: Cursor) -> Int {
    (cursor.tokenCount - 1) / cursor.contextLength
  }

  private static func permutation(for cursor: Cursor) -> SequencePermutation {
    SequencePermutation(count: windowCount(cursor), seed: cursor.seed, epoch: cursor.epoch)
  }
}
