// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Random numbers of one bootstrap draw, by seed and draw alone.
struct RandomStream {
  private let generator: Philox
  private let stream: UInt64
  private var block: UInt64 = 0

  init(seed: UInt64, stream: UInt64) {
    generator = Philox(seed: seed)
    self.stream = stream
  }

  /// A number from 0 ..< bound.
  mutating func next(below bound: Int) -> Int {
    let words = nextWords()
    let word = UInt64(words.x) << 32 | UInt64(words.y)
    return Int(word.multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A standard normal number (Box & Muller).
  mutating func nextNormal() -> Double {
    let words = nextWords()
    return Philox.normals(words.x, words.y).x
  }

  private mutating func nextWords() -> SIMD4<UInt32> {
    defer { block += 1 }
    return generator.words(block: block, stream: stream)
  }
}
