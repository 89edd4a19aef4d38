// SPDX-License-Identifier: Apache-2.0

/// Floating-point operations that a program's products take for one token.
///
/// Multiplications and additions count one each. Norms, activations and additions, some percent of
/// the whole, are left out, and so is what a backward pass computes anew to save memory. Whole
/// numbers below 2⁵³ are exact; attention's share is the mean over a sequence's positions.
public struct FLOPCount: Sendable, Hashable {
  /// Which products of queries and keys count where attention is causal.
  public enum AttentionExtent: Sendable, Hashable {
    /// Those at or below the diagonal and inside the window, (T + 1) / 2 keys a token where there is
    /// none: the ones that the result needs.
    case causal
    /// The full square, T keys a token, or as many as the window has: what an engine does that masks
    /// afterwards, and what most published numbers count.
    case full
  }

  /// Linear maps of the blocks, forward.
  public var linear: Double
  /// Scores and weighted sums of attention, forward.
  public var attention: Double
  /// The language-model head, forward.
  public var head: Double

  /// Makes a count of its parts.
  public init(linear: Double, attention: Double, head: Double) {
    self.linear = linear
    self.attention = attention
    self.head = head
  }

  static let zero = FLOPCount(linear: 0, attention: 0, head: 0)

  static func + (left: FLOPCount, right: FLOPCount) -> FLOPCount {
    FLOPCount(
      linear: left.linear + right.linear, attention: left.attention + right.attention,
      head: left.head + right.head)
  }

  /// The whole forward pass.
  public var forward: Double { linear + attention + head }
  /// The backward pass: each product has two derivatives of its own size.
  public var backward: Double { 2 * forward }
  /// Forward and backward.
  public var training: Double { forward + backward }
}

extension Program {
  /// Operations per token of sequences of a length.
  ///
  /// - Parameter attention: which of attention's products count.
  public func floatingPointOperations(
    sequenceLength: Int, attention extent: FLOPCount.AttentionExtent = .causal
  ) -> FLOPCount {
    operations.reduce(.zero) { count, operation in
      count
        + operation.floatingPointOperations(
          parameters, sequenceLength: sequenceLength, attention: extent)
    }
  }
}

extension Program.AttentionOperation {
  /// Keys that a query meets, in the mean over a sequence.
  ///
  /// In a causal window of w, query i of T meets i of the first w queries and w of the others:
  /// w (w + 1) / 2 + (T − w) w products in all.
  func keysPerToken(
    sequenceLength: Int, _ extent: FLOPCount.AttentionExtent
  ) -> Double {
    let length = Double(sequenceLength)
    let seen = window.map { min(length, max(0, Double($0))) } ?? length
    guard causal, extent == .causal, length > 0 else { return seen }
    guard seen < length else { return (length + 1) / 2 }
    return (seen * (seen + 1) / 2 + (length - seen) * seen) / length
  }
}

extension ModelConfiguration {
  /// Operations per token of sequences of a length, counted without listing every block.
  ///
  /// - Throws: ``ArchitecturesError`` where the configuration contradicts itself.
  public func floatingPointOperations(
    sequenceLength: Int, attention: FLOPCount.AttentionExtent = .causal
  ) throws -> FLOPCount {
    try validate()
    func count(_ layers: Int) -> FLOPCount {
      uncheckedProgram(layerCount: layers).floatingPointOperations(
        sequenceLength: sequenceLength, attention: attention)
    }
    let outside = count(0)
    let block = count(1)
    let layers = Double(layerCount)
    return FLOPCount(
      linear: outside.linear + layers * (block.linear - outside.linear),
      attention: outside.attention + layers * (block.attention - outside.attention),
      head: outside.head)
  }
}
