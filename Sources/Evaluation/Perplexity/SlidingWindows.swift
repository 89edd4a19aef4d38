// SPDX-License-Identifier: Apache-2.0
import Wording

/// The windows in which a row of tokens is scored, so that every token but the first is scored
/// exactly once.
///
/// Window k reads up to `contextLength` tokens from k · `stride` on and predicts the token after each.
/// The first window scores all its targets, every later one only those that the windows before it
/// did not reach. So each target that a later window scores has at least `contextLength` − `stride`
/// tokens before it in its window. A stride of the whole context is the cheapest, with no overlap; a
/// stride of 1 gives every token all the context there can be.
public struct SlidingWindows: RandomAccessCollection, Sendable, Hashable {
  /// One window.
  public struct Window: Sendable, Hashable {
    /// The first token that it reads.
    public var start: Int
    /// Tokens that it reads; the last target is the token `start + length`.
    public var length: Int
    /// The positions in the window whose targets it scores; position p's is token `start + p + 1`.
    public var scored: Range<Int>
  }

  /// Tokens in the row.
  public let tokenCount: Int
  /// The most tokens that a window reads.
  public let contextLength: Int
  /// Tokens from one window's start to the next's.
  public let stride: Int

  /// Lays windows over a row.
  ///
  /// - Parameters:
  ///   - tokenCount: at least 2, a token to read and one to predict.
  ///   - stride: 1 … `contextLength`.
  /// - Throws: ``EvaluationError`` of code `invalidConfiguration` or `insufficientText`.
  public init(tokenCount: Int, contextLength: Int, stride: Int) throws {
    guard contextLength > 0 else {
      throw EvaluationError(
        .invalidConfiguration, "\(counted(contextLength, "token")); expected at least 1",
        subject: "context")
    }
    guard (1...contextLength).contains(stride) else {
      throw EvaluationError(
        .invalidConfiguration,
        "\(counted(stride, "token")); expected 1 to the context's \(contextLength), so that no token is left "
          + "out", subject: "stride")
    }
    guard tokenCount > 1 else {
      throw EvaluationError(
        .insufficientText,
        "\(counted(tokenCount, "token")); expected at least 2, one to predict the other",
        subject: "text")
    }
    self.tokenCount = tokenCount
    self.contextLength = contextLength
    self.stride = stride
  }

  /// Zero.
  public var startIndex: Int { 0 }
  /// The number of windows.
  public var endIndex: Int {
    let rest = tokenCount - 1 - contextLength
    return rest <= 0 ? 1 : 1 + (rest - 1) / stride + 1
  }

  /// A window by its number.
  public subscript(index: Int) -> Window {
    precondition(indices.contains(index), "window \(index) of \(count)")
    let start = index * stride
    let length = Swift.min(contextLength, tokenCount - 1 - start)
    return Window(
      start: start, length: length,
      scored: (index == 0 ? 0 : contextLength - stride)..<length)
  }
}
