// SPDX-License-Identifier: Apache-2.0

/// One step of where a state came from.
public struct LineageEntry: Sendable, Hashable, Codable {
  /// What was done: `initialized`, `loaded`, the name of a growth operator.
  public var operation: String
  /// The checkpoint it was done to; nil for a new model.
  public var source: String?
  /// A hash of that checkpoint's contents, hexadecimal SHA-256; nil where there is none.
  public var sourceHash: String?
  /// Optimizer steps taken before it.
  public var step: Int

  /// Makes an entry.
  public init(operation: String, source: String? = nil, sourceHash: String? = nil, step: Int) {
    self.operation = operation
    self.source = source
    self.sourceHash = sourceHash
    self.step = step
  }
}
