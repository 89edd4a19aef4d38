// SPDX-License-Identifier: Apache-2.0

/// Where one block of the grown model comes from.
public enum LayerSource: Sendable, Hashable {
  /// The small model's block with its moments and counts.
  case kept(Int)
  /// A copy of a block, which computes what that block computes.
  case copy(Int)
  /// A copy of a block that adds nothing at first: the matrices (and biases) that write to the
  /// residual stream are zero.
  case identityByOutput(Int)
  /// A copy of a block that adds nothing at first: its norms' gains and all biases are zero.
  case identityByNorm(Int)
  /// A block as a new model starts it.
  case fresh
  /// A block as a new model starts it, with zero in the matrices that write to the residual stream.
  case freshIdentity

  /// The small model's block whose values are taken; nil for new values.
  public var layer: Int? {
    switch self {
    case .kept(let layer), .copy(let layer), .identityByOutput(let layer),
      .identityByNorm(let layer):
      layer
    case .fresh, .freshIdentity: nil
    }
  }

  /// Whether the block adds nothing to the residual stream at first.
  public var isIdentity: Bool {
    switch self {
    case .identityByOutput, .identityByNorm, .freshIdentity: true
    case .kept, .copy, .fresh: false
    }
  }

  /// Whether the block keeps its moments and step counts.
  public var isKept: Bool {
    if case .kept = self { true } else { false }
  }
}

extension [LayerSource] {
  /// Whether each block is a new one: not the small model's own, nor the first that is made of it.
  var areNew: [Bool] {
    var seen: Set<Int> = []
    return map { source in
      guard case .kept(let layer) = source else { return true }
      return !seen.insert(layer).inserted
    }
  }
}
