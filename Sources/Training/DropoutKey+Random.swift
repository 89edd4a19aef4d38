// SPDX-License-Identifier: Apache-2.0
import Tensors

extension DropoutKey {
  /// Key and upper counter of the Philox-4x32-10 words that decide one dropout of one micro-batch.
  public typealias RandomWords = (
    key0: UInt32, key1: UInt32, counter2: UInt32, counter3: UInt32
  )

  /// The place of a dropout's random numbers; this is the one definition that all engines follow.
  ///
  /// (key0, key1, counter3) are the first three of the four Philox words of the counter (step's low
  /// half, step's high half, micro-batch, 0) under the run's seed; counter2 is the dropout's
  /// stream in its program. So streams of one micro-batch never share numbers, and two micro-batches
  /// do with a chance of 2⁻⁹⁶. The words of block b are those of the counter (b's low half, b's high
  /// half, counter2, counter3); element e of a dropout is kept where word e % 4 of block e / 4 is at
  /// least rate · 2³².
  ///
  /// Elements of a value are numbered row by row, r · width + c; attention weights by
  /// ((sequence · headCount + head) · length + query) · length + key.
  ///
  /// - Parameter stream: as the program's operation gives it.
  public func randomWords(stream: Int) -> RandomWords {
    let words = Philox(seed: seed).words(
      SIMD4(
        UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32), microBatch, 0))
    return (words.x, words.y, UInt32(truncatingIfNeeded: stream), words.z)
  }

  /// Whether the dropout `stream` of this micro-batch keeps element number `element`.
  ///
  /// The slow, plain form of ``randomWords(stream:)``'s rule: a Philox block for each call.
  public func keeps(element: UInt64, stream: Int, rate: Double) -> Bool {
    let place = randomWords(stream: stream)
    let words = Philox(key0: place.key0, key1: place.key1).words(
      SIMD4(
        UInt32(truncatingIfNeeded: element >> 2), UInt32(truncatingIfNeeded: element >> 34),
        place.counter2, place.counter3))
    return Double(words[Int(element & 3)]) >= rate * 0x1p32
  }
}
