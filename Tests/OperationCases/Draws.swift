// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The same numbers in every run.
package struct Draws {
  private let generator: Philox
  private var block: UInt64 = 0

  package init(seed: UInt64) { generator = Philox(seed: seed) }

  /// Uniform in −1 ..< 1.
  package mutating func values(_ count: Int) -> [Double] {
    (0..<count).map { _ in
      block += 1
      return Double(generator.words(block: block, stream: 0).x) * 0x1p-31 - 1
    }
  }
}
