// SPDX-License-Identifier: Apache-2.0

/// How far an evaluation has come.
public struct EvaluationProgress: Sendable, Hashable {
  /// Windows or examples scored so far.
  public var done: Int
  /// All of them.
  public var total: Int

  /// Makes a progress.
  public init(done: Int, total: Int) {
    self.done = done
    self.total = total
  }
}
