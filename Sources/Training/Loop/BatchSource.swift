// SPDX-License-Identifier: Apache-2.0
import Text

/// Where a run's batches come from; the loop asks for them one after the other.
public protocol BatchSource {
  /// Where the next batch begins; a source made from this cursor goes on with the same batches.
  var cursor: BatchStream.Cursor { get }
  /// The next sequences with their targets.
  ///
  /// - Throws: where the text cannot be read.
  mutating func next(sequenceCount: Int, sequenceLength: Int) throws -> TokenBatch
  /// Waits until all that was given is known to be the text that was prepared; nothing that was
  /// learnt from it is saved before.
  ///
  /// - Throws: where it is not.
  func verifyReads() throws
}

extension BatchSource {
  /// A source that makes its batches has nothing to check.
  public func verifyReads() throws {}
}

extension BatchStream: BatchSource {}

extension TokenBatch {
  /// Consecutive parts of these many sequences.
  func split(into sizes: [Int]) -> [TokenBatch] {
    var start = 0
    return sizes.map { size in
      defer { start += size }
      return sequences(start..<start + size)
    }
  }
}
