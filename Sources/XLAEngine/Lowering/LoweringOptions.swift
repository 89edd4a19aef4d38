// SPDX-License-Identifier: Apache-2.0
import Training

/// How a program is written, beyond what it computes.
struct LoweringOptions: Hashable {
  /// The number format of products.
  var precision: Precision
  /// The most logits of a head that are in memory at once.
  var logitsAtOnce = 32 << 20
  /// Queries and keys of a block where attention goes in blocks, and the longest sequence for which it does not.
  var attention = AttentionBlocks()
  /// Whether the way back computes each block's values again, from what the residual stream was before it.
  var recomputes = false
  /// Whether factors are put as the libraries for processors take them.
  ///
  /// These take a left factor only with its rows as they lie in memory, and compute all other products of
  /// bfloat16 in float32. Accelerators take any, and would only copy.
  var arrangesFactors = false
}

/// When attention goes in blocks, and how large they are.
package struct AttentionBlocks: Hashable, Sendable {
  /// Positions of a block, of queries as of keys.
  package var size: Int
  /// The longest sequence whose weights are computed as a whole.
  package var longestWhole: Int

  package init(size: Int = 256, longestWhole: Int = 512) {
    (self.size, self.longestWhole) = (size, longestWhole)
  }
}
